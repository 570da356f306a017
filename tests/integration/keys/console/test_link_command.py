"""`grillo console link` and `erase`, on a data folder: what is printed signs in, and what cannot be is said."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli.failure import Failure
from services.cli.host import console
from services.embedded.data_folder import DataFolder
from services.keys import assembly
from services.keys.assembly import Keys
from services.keys.revocation.session_fence import Role
from shared.runtime.clock import SystemClock
from tests.examples import ORIGIN, NoBus

URL = "https://grillo.example"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("GRILLO_PUBLIC_URL", f"{URL}/")
    keys = assembly.assemble(DataFolder(tmp_path).database("keys"), NoBus(), SystemClock(), lease_seconds=1)
    keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)
    yield keys
    keys.database.close()


def grillo_console(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(console.app, [*arguments, "--data", str(data)])


def token_of(address: str) -> str:
    head, token = address.strip().rsplit("/", 1)
    assert head == f"{URL}/console/link"
    return token


def test_what_it_prints_signs_in_with_the_role_that_was_asked_for(keys: Keys, tmp_path: Path) -> None:
    printed = grillo_console(tmp_path, "link", "--role", "admin", "--name", "Anna", "--json")
    link = token_of(json.loads(printed.stdout)["console"])
    session = keys.sign_in.session(keys.sign_in.use_link(link, address="192.0.2.7", user_agent=""))
    assert session is not None
    assert (session.role, session.name) == (Role.ADMIN, "Anna")
    assert grillo_console(tmp_path, "erase", session.person_id).exit_code == 0
    assert keys.sign_in.sessions_of(session.person_id) == ()
    assert isinstance(grillo_console(tmp_path, "erase", "usr_nobody").exception, Failure)


def test_by_default_it_is_for_the_owner_of_the_one_organisation(keys: Keys, tmp_path: Path) -> None:
    link = token_of(grillo_console(tmp_path, "link").stdout)
    session = keys.sign_in.session(keys.sign_in.use_link(link, address="192.0.2.7", user_agent=""))
    assert session is not None
    assert session.role is Role.OWNER


@pytest.mark.parametrize(
    "arguments",
    [("--organisation", "org_nobody"), ("--name", "grl_" + "a" * 49), ("--name", "x" * 101), ("--name", "a\u202eb")],
)
def test_what_cannot_be_is_refused_in_one_line(keys: Keys, tmp_path: Path, arguments: tuple[str, str]) -> None:
    refused = grillo_console(tmp_path, "link", *arguments)
    assert isinstance(refused.exception, Failure)
    assert "grc_" not in refused.stdout


def test_of_several_organisations_one_must_be_named(keys: Keys, tmp_path: Path) -> None:
    keys.commands.organisations.register("Others", "standard", ORIGIN)
    assert isinstance(grillo_console(tmp_path, "link").exception, Failure)
    assert grillo_console(tmp_path, "link", "--role", "emperor").exit_code == 2
