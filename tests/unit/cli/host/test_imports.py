"""Imports of several files: one that fails by a fault of ours costs only itself, and the command says so."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from services.cli.host import sensors
from services.cli.host.catalogue import events
from services.sensors import ingest
from services.sensors.accounting.account import Account
from services.sensors.catalogue import reading
from services.sensors.ingest.importer import Imported

NOTHING = Imported(accounts={}, rejected_account=Account(), lines_read=1, rejected=(), warnings=())
FILES = ["first", "bad", "last"]


def read(path: Path, **_: object) -> Any:
    if path.name == "bad":
        raise ZeroDivisionError("a\nfault")
    return path.name


@pytest.mark.parametrize("command", ["sensors", "events"])
def test_an_error_that_nobody_foresaw_costs_only_its_file(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    taken: list[Any] = []

    def store(result: object, *_: object) -> Any:
        taken.append(result)
        return NOTHING if command == "sensors" else SimpleNamespace(outcomes={}, rejected=())

    importing = SimpleNamespace(store=store, finish=taken.append, organisation_id="", network_id=None)
    importing.importer = importing
    monkeypatch.setattr(ingest, "read", read)
    monkeypatch.setattr(reading, "read", read)
    monkeypatch.setattr(sensors, "_storing", lambda *_: importing)
    monkeypatch.setattr(events, "_opened", lambda *_: importing)
    apps: dict[str, Typer] = {"sensors": sensors.app, "events": events.app}
    done = CliRunner().invoke(apps[command], ["import", "--json", *FILES])
    (failed,) = json.loads(done.stdout)["failed"]
    assert (failed["file"], done.exit_code) == ("bad", 1)
    assert "unforeseen ZeroDivisionError: a fault." in failed["reason"]
    assert taken[:2] == ["first", "last"]
    assert len(taken) == (3 if command == "sensors" else 2), "what waits is decided"
