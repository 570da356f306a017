# Everything a newcomer needs: `make up` runs the system, `make test` tests it. Only Python 3.11+ must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python ops/install_packages.py --constraint constraints.txt
# Which tests, which benchmarks. COMPILED=1: `make test` and `make faults` test the gate compiled, as it is in the image.
TESTS ?= --ignore tests/faults --ignore tests/trust $(IN_BROWSER_ONLY:%=--ignore tests/browser/%.py)
IN_BROWSER_ONLY := test_live_pages test_issuer test_questions_about_a_key test_what_is_not_as_expected
# Those that take longest first: two files run at a time, and none should be left alone at the end. ALONE asserts that no
# gate misses its lease for a minute: beside another system that starts, that is the machine's fault.
FAULTS ?= tests/trust tests/faults
ifeq ($(origin FAULTS),file)
ALONE := tests/faults/test_gates_out_of_reach.py
endif
BENCH ?= $(basename $(notdir $(wildcard benchmarks/*.py)))
COMPILED_INTO := build/compiled
AS_COMPILED := GRILLO_GATE=compiled PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED_INTO):$(CURDIR)
ifeq ($(COMPILED),1)
PYTEST := $(AS_COMPILED) $(BIN)/pytest --override-ini "pythonpath=$(COMPILED_INTO) ."
READY := $(COMPILED_INTO)/.built
else
PYTEST := $(BIN)/pytest
endif

# Hundreds of processes import the same modules: what they compile is kept, whatever the surroundings say.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up dev test browser coverage faults mutants lint types stack bench pictures messages fonts htmx pins digests clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

up: $(VENV)/.installed  ## install what is missing, then run all services here, until Ctrl-C
	@$(BIN)/grillo up $(UP)

dev: $(VENV)/.installed-dev  ## the same as up, started again whenever a source changes
	@$(BIN)/watchfiles --sigint-timeout 10 --target-type command "$(BIN)/grillo up $(UP)" services shared

test: $(VENV)/.installed-dev $(READY)  ## all tests but those of faults and trust: about twenty-five minutes on two cores
	@tests/install-servers
	@$(PYTEST) -n 2 --dist loadgroup $(TESTS)

browser: $(VENV)/.installed-dev  ## the pages in Chromium: languages, themes, widths, no script; pictures into build/pictures
	@tests/install-servers
	@GRILLO_PICTURES=build/pictures $(BIN)/pytest -n 2 tests/browser

coverage: $(VENV)/.installed-dev  ## the same, and what of the code they reach; takes twice as long
	@tests/install-servers
	@$(BIN)/pytest -n 2 --dist loadgroup --ignore tests/faults --ignore tests/trust --cov --cov-report=term:skip-covered

faults: $(VENV)/.installed-dev $(READY)  ## real processes and servers killed, and attacked, under load: about thirty-five minutes
	@tests/install-servers
	@failed=0; $(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder $(FAULTS) $(ALONE:%=--ignore %) || failed=$$?; \
	$(ALONE:%=$(PYTEST) % || failed=$$?;) exit $$failed

mutants: $(VENV)/.installed-dev  ## break each promise in one place, and see its tests fail: up to half an hour
	@tests/install-servers
	@$(BIN)/python -m tests.mutants $(MUTANTS)

lint: $(VENV)/.installed-dev  ## style, who may import what, and what containers are made of
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/gixy --skips host_spoofing ops/nginx/grillo.conf  # the console's Host has its port, which it judges itself
	@$(BIN)/gixy --skips ssrf,missing_resolver ops/nginx/forward-auth.conf 2>/dev/null  # "protected" is an upstream of it

types: $(VENV)/.installed-dev  ## mypy, strict
	@$(BIN)/mypy

stack: $(VENV)/.installed-dev  ## docker-compose.yml's services, natively, on private RabbitMQ, PostgreSQL and Redis
	@tests/install-servers
	@$(BIN)/python -m tests.foreground

bench: $(VENV)/.installed-bench $(COMPILED_INTO)/.built  ## figures, never judged, of the gate compiled
	@tests/install-servers bench
	@for name in $(BENCH); do $(AS_COMPILED) $(BIN)/python -m benchmarks.$$name || exit 1; done

pictures:  ## the pictures of docs, from their sources
	@$(PYTHON) -m docs.pictures.draw

messages: $(VENV)/.installed-dev  ## the console's catalogues, brought up to date with its texts
	@$(BIN)/python -m ops.messages

fonts: $(VENV)/.installed-dev  ## the console's typefaces, subset from the package geist
	@mkdir -p build/fonts && cd build/fonts && npm pack --silent geist@1.9.2 >/dev/null && tar xzf geist-1.9.2.tgz
	@$(BIN)/python ops/subset_fonts.py build/fonts/package

htmx:  ## the console's htmx.js, from the package htmx.org
	@mkdir -p build/htmx && cd build/htmx && npm pack --silent htmx.org@4.0.1 >/dev/null && tar xzf htmx.org-4.0.1.tgz
	@cp build/htmx/package/dist/htmx.min.js services/keys/console/assets/htmx.js

digests:  ## of which image each tag is to be, by its digest; where Docker is, and reaches the registries
	@$(PYTHON) ops/pin_images.py

pins:  ## what images install, by its hashes; after pyproject.toml or constraints.txt changed
	@$(PYTHON) ops/pin_packages.py

clean:  ## forget the installation, keep the data
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

# What each request goes through, as the Dockerfile builds it; asks for a C compiler.
$(COMPILED_INTO)/.built: $(VENV)/.installed-dev setup.py $(shell find shared services -name __pycache__ -prune -o -print)
	@tests/install-servers compiler $(BIN)/python
	@echo "Compiling the gate into $(COMPILED_INTO) …"
	@rm -rf build
	@mkdir -p $(COMPILED_INTO)
	@$(BIN)/python -m compileall -q shared services  # a folder for bytecode, made later, would make its source newer
	@touch $(COMPILED_INTO)/.begun
	@COMPILE_GATE=1 $(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
		--target $(COMPILED_INTO) .
	@mv $(COMPILED_INTO)/.begun $@

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …")'
	@test -e $@ && echo "Bringing $(VENV) up to date:" || echo "Setting up $(VENV), this once: a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[sensors]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@echo "Adding to $(VENV), this once, what benchmarks are measured beside:"
	@$(INSTALL) --editable '.[dev,bench]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Adding to $(VENV), this once, what tests and checks need:"
	@$(INSTALL) --editable '.[dev]'
	@touch $@
