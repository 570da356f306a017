"""Imports of several files: one that fails by a fault of ours costs only itself, and the command says so."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from services.cli.failure import Failure
from services.cli.host import sensors
from services.cli.host.catalogue import events
from services.sensors import ingest
from services.sensors.accounting.account import Account
from services.sensors.catalogue import reading
from services.sensors.ingest.importer import Imported
from services.sensors.ingest.recording import ReadResult, RejectedLine, UnreadableRecording

NOTHING = Imported(accounts={}, rejected_account=Account(), lines_read=1, rejected=(), warnings=())


def read(path: Path, **_: object) -> Any:
    if path.name == "bad":
        raise ZeroDivisionError("a\nfault")
    if path.name == "interrupted":
        raise KeyboardInterrupt
    rejected = (RejectedLine(line=1, reason="why", samples=3),) if path.name == "rejected" else ()
    return ReadResult(recordings=(), lines_read=1, rejected=rejected, warnings=(path.name,))


def imported(monkeypatch: pytest.MonkeyPatch, command: str, *files: str) -> tuple[Result, list[str]]:
    """What the command says, and the files that are stored."""
    taken: list[str] = []

    def store(result: ReadResult, *_: object) -> Any:
        taken.append(result.warnings[0])
        return NOTHING if command == "sensors" else SimpleNamespace(outcomes={}, rejected=())

    importing = SimpleNamespace(
        store=store, finish=lambda _: taken.append("decided"), organisation_id="", network_id=None
    )
    importing.importer = importing
    monkeypatch.setattr(ingest, "read", read)
    monkeypatch.setattr(reading, "read", read)
    monkeypatch.setattr(sensors, "_storing", lambda *_: importing)
    monkeypatch.setattr(events, "_opened", lambda *_: importing)
    apps: dict[str, Typer] = {"sensors": sensors.app, "events": events.app}
    return CliRunner().invoke(apps[command], ["import", "--json", *files]), taken


@pytest.mark.parametrize("command", ["sensors", "events"])
def test_an_error_that_nobody_foresaw_costs_only_its_file(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    done, taken = imported(monkeypatch, command, "first", "bad", "last")
    (failed,) = json.loads(done.stdout)["failed"]
    assert (failed["file"], done.exit_code) == ("bad", 1)
    assert "unforeseen ZeroDivisionError: a fault." in failed["reason"]
    assert taken == (["first", "last", "decided"] if command == "sensors" else ["first", "last"])


def test_a_file_of_which_all_is_rejected_is_accounted_for_and_the_command_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done, taken = imported(monkeypatch, "sensors", "rejected")
    (failed,) = json.loads(done.stdout)["failed"]
    assert (failed["reason"], done.exit_code) == ("rejected: none of it can be used: why.", 1)
    assert taken == ["rejected", "decided"]


def test_one_that_is_interrupted_says_so_and_what_became_of_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    done, taken = imported(monkeypatch, "sensors", "first", "interrupted", "last")
    shown = json.loads(done.stdout)
    assert (taken, done.exit_code) == (["first", "decided"], 1)
    assert [one["file"] for one in shown["files"]] == ["first"]
    assert shown["failed"][0]["reason"].startswith("stopped before the last file")


def test_a_name_too_long_for_any_file_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imported(monkeypatch, "sensors", "a" * 300, "last")[1] == ["a" * 300, "last", "decided"]


def test_without_a_standard_input_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failure, match="no standard input"):
        sensors._readings([Path("-")], None)


def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    ((name, read),) = sensors._readings([tmp_path], None)
    assert name == str(tmp_path)
    with pytest.raises(UnreadableRecording, match="the folder holds no recordings"):
        read()
