"""Exports that ended are told of until the bus has the message, and no more after that."""

from datetime import timedelta

import pytest

from services.sensors.exports.export_store import UNTOLD_FOR
from services.sensors.exports.telling import ExportTelling
from shared.contracts.sensors import ExportEnded
from shared.replication.relay import BusUnavailable
from tests.integration.sensors.exports.conftest import Standings
from tests.integration.sensors.exports.test_making import ask, made
from tests.integration.sensors.recordings.scene import Scene, segment


class Heard:
    def __init__(self) -> None:
        self.ended: list[ExportEnded] = []
        self.is_away = False

    def tell(self, ended: ExportEnded) -> None:
        if self.is_away:
            raise BusUnavailable("away")
        self.ended.append(ended)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def telling(here: Scene, heard: Heard) -> ExportTelling:
    return ExportTelling(here.sensors.exports.store, heard.tell)


def test_a_ready_one_is_told_of_once_when_the_bus_is_there(here: Scene, heard: Heard, telling: ExportTelling) -> None:
    export_id = ask(here, here.recorded(segment(0, 60)))
    telling.run()
    assert heard.ended == [], "while it waits"
    told = made(here, export_id)
    heard.is_away = True
    telling.run()
    heard.is_away = False
    for _ in range(2):
        telling.run()
    (ended,) = heard.ended
    assert (ended.export_id, ended.key_id, ended.format, ended.fault) == (export_id, "key_1", "csv", None)
    assert (ended.bytes, ended.sha256) == (told["bytes"], told["sha256"])
    here.clock.advance(timedelta(hours=25).total_seconds())
    here.sensors.exports.maker.sweep()
    telling.run()
    assert len(heard.ended) == 1, "that a file is over is no news: the message said when"


def test_a_failed_one_is_told_of_with_its_reason(
    here: Scene, heard: Heard, telling: ExportTelling, standings: Standings
) -> None:
    standings.refusals["key_1"] = "key-revoked"
    export_id = ask(here, here.recorded(segment(0, 60)))
    made(here, export_id)
    telling.run()
    (ended,) = heard.ended
    assert (ended.export_id, ended.fault, ended.sha256, ended.expires_at) == (export_id, "key-revoked", None, None)


def test_one_that_crashed_thrice_is_told_of_too(
    here: Scene, heard: Heard, telling: ExportTelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    made(here, ask(here, here.recorded(segment(0, 60))))
    telling.run()
    assert [ended.fault for ended in heard.ended] == ["internal-error"]


def test_what_nobody_could_be_told_for_days_is_left(here: Scene, heard: Heard, telling: ExportTelling) -> None:
    sensor_id = here.recorded(segment(0, 60))
    made(here, ask(here, sensor_id))
    here.clock.advance(UNTOLD_FOR.total_seconds() + 1)
    here.replica.pull()
    second = ask(here, sensor_id)
    made(here, second)
    telling.run()
    assert [ended.export_id for ended in heard.ended] == [second]
