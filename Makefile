# Everything a newcomer needs: `make up` runs the system, `make test` tests it. Only Python 3.11+ must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help up test coverage faults lint types stack bench clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

up: $(VENV)/.installed  ## install what is missing, then run all services here, until Ctrl-C
	@$(BIN)/grillo up $(UP)

test: $(VENV)/.installed-dev  ## all tests but those of faults
	@tests/install-servers
	@$(BIN)/pytest -n 2 --dist loadgroup --ignore tests/faults

coverage: $(VENV)/.installed-dev  ## the same, and what of the code they reach; takes twice as long
	@tests/install-servers
	@$(BIN)/pytest -n 2 --dist loadgroup --ignore tests/faults --cov --cov-report=term:skip-covered

faults: $(VENV)/.installed-dev  ## real processes and servers killed under load: minutes
	@tests/install-servers
	@$(BIN)/pytest tests/faults

lint: $(VENV)/.installed-dev  ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.installed-dev  ## mypy, strict
	@$(BIN)/mypy

stack: $(VENV)/.installed-dev  ## docker-compose.yml's services, natively, on private RabbitMQ, PostgreSQL and Redis
	@tests/install-servers
	@$(BIN)/python -m tests.stack

bench: $(VENV)/.installed-bench  ## figures, never judged
	@tests/install-servers bench
	@for script in benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

clean:  ## forget the installation, keep the data
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …")'
	@echo "Installing into $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
