"""Long files of activity, made by child processes: the same bytes, few at once, and never cut off in silence."""

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, cast

import pytest

from services.usage.activity.csv_export import as_csv
from services.usage.activity.file.file_children import ChildFile, FileBroken, FileChildren, FilesBusy
from services.usage.activity.timeline import EVERYTHING, ActivityFilter, ActivityTimeline
from services.usage.intake.metering import Metering
from services.usage.known_keys.keys_client import KeysClient
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests.examples import NOON
from tests.usage_examples import batch, in_range, record


class Keys:
    def history(self, organisation_id: str, key_id: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        created = {"revision": 1, "type": "KeyCreated", "at": rfc3339(NOON), "actor": "ops", "request_id": None}
        return in_range([created | {"facts": {}}], where)


@pytest.fixture
def activity(usage_database: Database) -> ActivityTimeline:
    return ActivityTimeline(usage_database, cast("KeysClient", Keys()))


@pytest.fixture
def files(usage_database: Database, activity: ActivityTimeline, metering: Metering) -> FileChildren:
    metering.take_in(batch(*(record(number / 100 - 12, status=200 + number % 2) for number in range(2500))))
    return FileChildren(usage_database, activity)


def file(files: FileChildren, organisation_id: str = "org_railway", wanted: ActivityFilter = EVERYTHING) -> ChildFile:
    return files.file(organisation_id, "key_a", wanted)


@pytest.mark.parametrize("wanted", [EVERYTHING, ActivityFilter(statuses=(201, 201), end=NOON)])
def test_it_is_the_file_that_is_made_at_once(
    files: FileChildren, activity: ActivityTimeline, wanted: ActivityFilter
) -> None:
    life = activity.life("org_railway", "key_a", wanted)
    long = file(files, wanted=wanted)
    assert b"".join(long) == b"".join(as_csv(activity.everything("key_a", wanted, life)))
    long.close()


def test_two_are_made_at_once_and_one_an_organisation(files: FileChildren) -> None:
    first, second = file(files, "org_1"), file(files, "org_2")
    for organisation_id in ("org_1", "org_3"):
        with pytest.raises(FilesBusy):
            file(files, organisation_id)
    for _ in range(2):
        first.close()
    third = file(files, "org_3")
    with pytest.raises(FilesBusy):
        file(files, "org_1")
    for one in (second, third):
        one.close()


def test_one_that_nobody_reads_any_more_ends_its_child(files: FileChildren) -> None:
    left = file(files)
    pieces = iter(left)
    assert next(pieces)
    process = left._process
    assert process is not None
    left.close()
    assert process.poll() == -signal.SIGKILL
    file(files).close()


def test_a_file_whose_child_was_killed_is_told_from_a_whole_one(files: FileChildren) -> None:
    cut = file(files)
    pieces = iter(cut)
    assert next(pieces)
    assert cut._process is not None
    os.kill(cut._process.pid, signal.SIGKILL)
    with pytest.raises(FileBroken):
        list(pieces)
    cut.close()


def test_the_job_with_the_database_s_password_is_in_no_argument(
    files: FileChildren, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    popen = subprocess.Popen

    def noting(command: list[str], **how: Any) -> Any:
        started.append((command, how))
        return popen(command, **how)

    monkeypatch.setattr("services.usage.activity.file.file_children.subprocess.Popen", noting)
    whole = file(files)
    assert b"".join(whole)
    whole.close()
    ((command, how),) = started
    assert not any("sql" in part for part in command)
    assert "env" not in how
