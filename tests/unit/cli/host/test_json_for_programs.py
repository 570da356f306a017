"""Commands on the host, asked for JSON: one document on standard output, with what people are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.application import application
from services.distributed.migration import migrate_database
from shared.replication.proof.signatures import Signer


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """With databases of which nothing but the schema is there."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    for service in ("keys", "usage"):
        migrate_database(service, "DATABASE_URL", f"sqlite:///{folder}/{service}.sqlite")
    return folder


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(application(), [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_an_organisation_s_life_and_the_read_models_made_from_it(data: Path) -> None:
    on = ("--data", str(data))
    made = run("organisation", "register", "Railway", "--tier", "free", *on)["id"]
    assert run("organisation", "set-tier", made, "standard", *on) == {"id": made, "tier": "standard"}
    key = run("organisation", "admin-key", made, *on)
    assert (key["id"][:4], key["key"][:4]) == ("key_", "grl_")
    (listed,) = run("organisation", "list", *on)
    assert listed == {"id": made, "name": "Railway", "tier": "standard", "active_keys": 1, "active_keys_max": 100}
    by_contract = ("--minute", "5000", "--concurrent", "100", "--keys", "5000")
    assert run("organisation", "set-tier", made, "enterprise", *by_contract, *on) == {"id": made, "tier": "enterprise"}
    (listed,) = run("organisation", "list", *on)
    assert (listed["tier"], listed["active_keys_max"]) == ("enterprise", 5_000)
    rebuilt = run("rebuild", "keys", *on)
    assert (rebuilt["service"], rebuilt["events"]) == ("keys", 4)
    assert run("organisation", "list", *on) == [listed]
    assert run("rebuild", "usage", *on)["days"] == []
    assert run("channels", "reseal", *on) == {"resealed": 0, "unreadable": []}


def test_a_signing_key_is_two_settings() -> None:
    made = run("signing-key", "keys")
    assert made.keys() == {"KEYS_SIGNING_KEY", "KEYS_VERIFY_KEYS"}
    assert Signer(made["KEYS_SIGNING_KEY"]).public_key == made["KEYS_VERIFY_KEYS"]


def test_what_was_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/auth.sqlite")
    assert run("migrate", "auth") == {"migrated": ["auth"]}
