"""Whatever a command meets, it ends in one line that says so, with status 1 (refused) or 2 (wrong usage)."""

import os
import subprocess
import threading
from collections.abc import Iterator

# By name: importing eventlet's server leaves its copy for greenlets as the attribute `server` of `http`.
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.running import GRILLO, Embedded

pytestmark = pytest.mark.xdist_group("embedded")


def ended(*arguments: str, **environment: str) -> tuple[int, str]:
    """(status, standard error)"""
    done = subprocess.run(
        [*GRILLO, *arguments], env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.fixture
def other_server() -> Iterator[str]:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"hello": "world"}' if "show" in self.path else b"<html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_log_level_that_is_none_is_wrong_usage(data: Path) -> None:
    status, told = ended("up", "--log-level", "bogus", "--data", str(data))
    assert (status, "DEBUG, INFO" in told) == (2, True)


@pytest.fixture
def junk(data: Path) -> Path:
    data.mkdir()
    for service in ("keys", "auth", "usage", "sensors"):
        (data / f"{service}.sqlite").write_bytes(b"junk " * 1000)
    return data


@pytest.mark.parametrize("command", [("organisation", "list"), ("organisation", "register", "x")])
def test_a_file_that_is_no_database_is_said_in_one_line(junk: Path, command: tuple[str, ...]) -> None:
    status, told = ended(*command, "--data", str(junk))
    assert (status, told) == (1, "grillo: the database cannot be used: file is not a database\n")


def test_a_start_on_files_that_are_no_databases_names_one_and_says_what_to_do(junk: Path) -> None:
    status, told = ended("up", "--port", "0", "--data", str(junk))
    assert (status, told.count("\n")) == (1, 1)
    assert told.startswith("grillo: keys.sqlite: it cannot be used: file is not a database. Put a backup of ")
    assert "(3 more: `grillo audit verify` names them.)" in told


def test_an_audit_names_each_file_that_is_no_database(junk: Path) -> None:
    done = subprocess.run([*GRILLO, "audit", "verify", "--data", str(junk)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count(": it cannot be used: file is not a database\n") == 4


def test_listing_migrates_nothing(data: Path) -> None:
    data.mkdir()
    (data / "keys.sqlite").touch()
    status, told = ended("organisation", "list", "--data", str(data))
    assert (status, told.count("\n")) == (1, 1)
    assert (data / "keys.sqlite").stat().st_size == 0


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:hunter2@h/d", "postgresql+psycopg://u:hunter2@h:port/d"])
def test_an_address_of_a_database_that_is_none_is_named_and_not_quoted(url: str) -> None:
    status, told = ended("organisation", "list", DATABASE_URL=url)
    assert (status, told.count("\n"), told.startswith("grillo: DATABASE_URL ")) == (1, 1, True)
    assert "hunter2" not in told


@pytest.mark.parametrize("url", ["http://[", "nonsense", "http://127.0.0.1:port"])
def test_an_address_of_a_server_that_is_none_is_named(url: str) -> None:
    status, told = ended("keys", "list", GRILLO_URL=url, GRILLO_API_KEY="grl_")
    assert (status, told.count("\n"), "GRILLO_URL" in told) == (1, 1, True)


@pytest.mark.parametrize("command", ["list", "show"])
def test_an_answer_of_another_server_is_told_from_one_of_ours(other_server: str, command: str) -> None:
    arguments = ("show", "key_show") if command == "show" else ("list",)
    status, told = ended("keys", *arguments, GRILLO_URL=other_server, GRILLO_API_KEY="grl_")
    assert (status, told.count("\n"), "not as grillo does" in told) == (1, 1, True)


@pytest.mark.parametrize("key_id", ["../sensors", "..", "key_1/usage", "key_1?x=1", ""])
def test_an_id_asks_for_nothing_else(key_id: str) -> None:
    status, told = ended("keys", "show", key_id, GRILLO_URL="http://127.0.0.1:9", GRILLO_API_KEY="grl_")
    assert (status, "an id is letters" in told) == (2, True)


def test_an_admin_key_is_minted_only_when_there_is_none_left_or_by_force(embedded: Embedded) -> None:
    command = ("organisation", "admin-key", embedded.organisation, "--data", str(embedded.data))
    status, told = ended(*command)
    assert (status, "has an active admin key" in told) == (1, True)
    assert ended(*command, "--force")[0] == 0
