"""Clients that others write or generate: of /openapi.json, and by the product's public pages; against `grillo up`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import local_http
from tests.e2e.running import Embedded

CLIENTS = Path(__file__).parents[1] / "clients"
NODE_MODULES = CLIENTS / "node_modules"
pytestmark = pytest.mark.xdist_group("embedded")


@pytest.fixture(scope="module")
def document(embedded: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(local_http.get(f"{embedded.url}/openapi.json").raise_for_status().content)
    return file


def run(*command: str | Path, **environment: str) -> str:
    """What it writes. node and tsc find packages beside tests/clients."""
    found = shutil.which(command[0])
    assert found, f"{command[0]} is missing: tests/install-servers installs it"
    done = subprocess.run(
        [found, *command[1:]],
        env=os.environ | {"NODE_PATH": str(NODE_MODULES)} | environment,
        cwd=CLIENTS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(embedded: Embedded, key: str | None = None) -> dict[str, str]:
    return {"GRILLO_URL": embedded.url, "GRILLO_API_KEY": key or embedded.admin_key}


def test_spectral_finds_no_error_in_the_document(document: Path) -> None:
    run(NODE_MODULES / ".bin/spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "error", document)


def test_a_generated_typescript_client_that_validates_runs_a_session(
    embedded: Embedded, document: Path, tmp_path: Path
) -> None:
    run(NODE_MODULES / ".bin/openapi-ts", "-f", "openapi-ts.config.mjs", OPENAPI=str(document), OUTPUT=str(tmp_path))
    shutil.copy(CLIENTS / "session.ts", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    options = ["--target", "es2022", "--module", "commonjs", "--moduleResolution", "node10", "--skipLibCheck"]
    run(
        NODE_MODULES / ".bin/tsc",
        *options,
        "--strict",
        "--esModuleInterop",
        "--types",
        "node",
        "--outDir",
        tmp_path,
        tmp_path / "session.ts",
    )
    assert run("node", tmp_path / "session.js", **settings(embedded)) == "done\n"


def test_a_generated_python_client_runs_a_session(embedded: Embedded, document: Path, tmp_path: Path) -> None:
    generate: list[str | Path] = [CLIENTS / ".venv/bin/openapi-python-client", "generate", "--meta", "none"]
    run(*generate, "--path", document, "--output-path", tmp_path / "grillo_client")
    python = settings(embedded) | {"PYTHONPATH": str(tmp_path)}
    assert run(CLIENTS / ".venv/bin/python", CLIENTS / "session.py", **python) == "done\n"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A system with what it has from its first start: other tests leave sensors of every kind behind."""
    with Embedded(tmp_path_factory.mktemp("untouched") / "data") as running:
        yield running


@pytest.mark.parametrize("runner", [sys.executable, "node"], ids=["python", "node"])
@pytest.mark.parametrize("read", ["events", "networks"])
def test_programs_by_the_products_pages_read_what_there_is_as_they_stand(
    untouched: Embedded, runner: str, read: str
) -> None:
    _, key = untouched.create_key(f"read:{read}")
    program = f"{read}_by_product_page.{'mjs' if runner == 'node' else 'py'}"
    assert run(runner, CLIENTS / program, **settings(untouched, key)) == "done\n"


@pytest.fixture(scope="module", autouse=True)
def by_product_page(embedded: Embedded) -> Iterator[list[Future[str]]]:
    """They are told to wait for the better part of a minute: meanwhile the other tests here run."""

    def written(runner: str, program: str) -> str:
        with embedded.admin() as admin:
            body = {"name": "Small", "permissions": ["read:sensors"], "limits": {"minute": 2}}
            key = admin.post("/v1/keys", json=body).raise_for_status().json()["key"]
        return run(runner, CLIENTS / program, "3", **settings(embedded, key))

    programs = ((sys.executable, "by_product_page.py"), ("node", "by_product_page.mjs"))
    with ThreadPoolExecutor(len(programs)) as pool:
        yield [pool.submit(written, *each) for each in programs]


def test_programs_by_the_products_pages_run_as_they_stand(by_product_page: list[Future[str]]) -> None:
    for program in by_product_page:
        lines = program.result().splitlines()
        assert "waits" in lines
        assert lines[-1] == "done"
        assert any(line.startswith("low ") for line in lines)
