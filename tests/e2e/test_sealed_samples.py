"""`grillo sensors seal`, `verify`, `reindex` and `retention` beside a running server: what is served stays the same."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Embedded, grillo

A_QUARTER_INTERVAL = timedelta(seconds=1 / 31.25 / 4)
"""Smaller moves of a device's times reach its samples when they are sealed."""

pytestmark = pytest.mark.xdist_group("embedded")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """In which nothing was sealed: a rate that later records make better reaches what was with the next sealing."""
    with Embedded(tmp_path_factory.mktemp("unsealed") / "data") as running:
        yield running


def test_samples_are_served_alike_from_rows_and_from_files(embedded: Embedded, openeew: Path) -> None:
    files = [str(file) for file in sorted(openeew.glob("records/2020_1_24/00[12]/*.gz"))]
    _told(embedded, "import", *files)
    before = _served(embedded)
    assert _told(embedded, "seal")["hours"] > 0
    after = _served(embedded)
    assert [_samples(one) for one in after] == [_samples(one) for one in before]
    for then, now in zip(_starts(before), _starts(after), strict=True):
        assert abs(now - then) < A_QUARTER_INTERVAL
    verified = _told(embedded, "verify")
    assert (verified["rows"], verified["faults"], verified["unnamed"]) == (0, [], [])
    assert verified["files"] > 0
    again = _told(embedded, "import", *files)["samples"]
    assert (again["new"], again["differing"], again["repeated"]) == (0, 0, again["offered"])
    assert _told(embedded, "reindex") == {"files": 0, "samples": 0, "dropped": 0, "faults": []}
    kept = _told(embedded, "retention", embedded.organisation, "--days", "36000")
    assert kept == {"organisation": embedded.organisation, "days": 36000}
    _told(embedded, "retention", embedded.organisation, "--forever")


def test_a_damaged_file_is_named_with_exit_status_1(embedded: Embedded, openeew: Path) -> None:
    file = next(openeew.glob("records/2018_2_16/*/*.gz"))
    _told(embedded, "import", str(file))
    _told(embedded, "seal")
    sealed = next((embedded.data / "samples").rglob("*.D.2018.*"))
    content = sealed.read_bytes()
    sealed.write_bytes(content[:100] + b"\0\0" + content[102:])
    done = grillo("sensors", "verify", "--data", str(embedded.data))
    assert done.returncode == 1
    assert f"{sealed.relative_to(embedded.data / 'samples')}: record 0 is not what was written" in done.stderr
    sealed.write_bytes(content)
    assert _told(embedded, "verify")["faults"] == []


def _served(embedded: Embedded) -> list[Any]:
    """The latest hour of each sensor, which begins between two samples, or before the first."""
    with embedded.admin() as admin:
        sensors = admin.get("/v1/sensors", params={"limit": 100}).json()["data"]
        answers = [admin.get(f"/v1/sensors/{sensor['id']}/data", params=_latest(sensor)) for sensor in sensors]
        return [answer.json()["data"] for answer in answers]


def _latest(sensor: Any) -> dict[str, str]:
    last = datetime.fromisoformat(sensor["last_sample_at"])
    start, end = last - timedelta(minutes=59, seconds=0.5), last + timedelta(seconds=0.5)
    return {"start": start.isoformat(), "end": end.isoformat()}


def _samples(answer: Any) -> list[Any]:
    return [(one["channel"], one["sample_rate"], one["samples"]) for one in answer["segments"]]


def _starts(answers: list[Any]) -> list[datetime]:
    return [datetime.fromisoformat(segment["start_time"]) for answer in answers for segment in answer["segments"]]


def _told(embedded: Embedded, *command: str) -> Any:
    done = grillo("sensors", *command, "--data", str(embedded.data), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
