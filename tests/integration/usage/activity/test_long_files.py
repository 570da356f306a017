"""Long files of activity, made by child processes: the same bytes, and never cut off in silence."""

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, cast

import pytest

from services.usage.activity.csv_export import as_csv
from services.usage.activity.file.made_by_child import FileBroken, made_by_child
from services.usage.activity.file.messages import Job, job_of
from services.usage.activity.timeline import EVERYTHING, ActivityFilter, ActivityTimeline
from services.usage.http.wide_questions import Stream, WideQuestions
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
def job(usage_database: Database, activity: ActivityTimeline, metering: Metering) -> Job:
    metering.take_in(batch(*(record(number / 100 - 12, status=200 + number % 2) for number in range(2500))))
    return job_of(usage_database, "key_a", EVERYTHING, activity.life("org_railway", "key_a"))


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[tuple[subprocess.Popen[bytes], list[str], dict[str, Any]]]:
    """Each child that was started, with its arguments and options."""
    started: list[tuple[subprocess.Popen[bytes], list[str], dict[str, Any]]] = []
    popen = subprocess.Popen

    def noting(command: list[str], **how: Any) -> Any:
        started.append((popen(command, **how), command, how))
        return started[-1][0]

    monkeypatch.setattr("shared.runtime.child_process.subprocess.Popen", noting)
    return started


@pytest.mark.parametrize("wanted", [EVERYTHING, ActivityFilter(statuses=(201, 201), end=NOON)])
def test_it_is_the_file_that_is_made_at_once(
    usage_database: Database, job: Job, activity: ActivityTimeline, wanted: ActivityFilter
) -> None:
    life = activity.life("org_railway", "key_a", wanted)
    long = made_by_child(job_of(usage_database, job.key_id, wanted, life))
    assert b"".join(long) == b"".join(as_csv(activity.everything("key_a", wanted, life)))


def test_one_that_nobody_reads_any_more_ends_its_child_and_gives_its_place_back(
    job: Job, children: list[tuple[subprocess.Popen[bytes], list[str], dict[str, Any]]]
) -> None:
    places = WideQuestions()
    left = Stream(made_by_child(job), places.take("org_railway"))
    assert next(left)
    left.close()
    ((process, *_),) = children
    assert process.returncode == -signal.SIGKILL
    places.take("org_railway").close()


def test_a_file_whose_child_was_killed_is_told_from_a_whole_one(
    job: Job, children: list[tuple[subprocess.Popen[bytes], list[str], dict[str, Any]]]
) -> None:
    cut = made_by_child(job)
    assert next(iter(cut))
    children[0][0].kill()
    with pytest.raises(FileBroken):
        list(cut)


def test_the_job_with_the_database_s_password_is_in_no_argument(
    job: Job, children: list[tuple[subprocess.Popen[bytes], list[str], dict[str, Any]]]
) -> None:
    assert b"".join(made_by_child(job))
    ((_, command, how),) = children
    assert not any("sql" in part for part in command)
    assert how["env"].items() <= os.environ.items(), "it is told nothing by its environment"
