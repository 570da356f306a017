"""Statistics of a network: who is online, and which share of the last day's samples is there."""

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
import pytest

from services.sensors.arrival.time_arrival import Timed
from services.sensors.assembly import Sensors
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.networks.network import Settings
from services.sensors.networks.statistics import StatisticsQueries
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import to_nanoseconds
from tests.examples import NOON, ORGANISATION_ID, ORIGIN
from tests.integration.sensors.networks.stations import stations

OWNER = Visible(organisation_id=ORGANISATION_ID)


def recorded(station: str, *parts: tuple[timedelta, timedelta]) -> ReadResult:
    """One channel of one sample a second. `parts`: how long before now each begins, and how long it is."""
    segments = tuple(
        Timed(
            axis="00.BHZ",
            start_ns=to_nanoseconds(NOON - ago),
            rate_hz=1.0,
            samples=np.arange(long // timedelta(seconds=1), dtype=np.int32),
            source="made up",
        )
        for ago, long in parts
    )
    (recording,) = stations(station).recordings
    whole = Recording(
        network=recording.network,
        station=station,
        name=station,
        latitude=None,
        longitude=None,
        elevation_m=None,
        unit="counts",
        segments=segments,
    )
    return ReadResult(recordings=(whole,), lines_read=1, rejected=())


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_sensors_are_online_by_their_last_sample_and_completeness_is_of_the_last_day(
    sensors: Sensors, clock: ManualClock, is_sealed: bool
) -> None:
    network_id = sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Costa"), ORIGIN)
    for read in (
        recorded("AAA", (hours(30), hours(12)), (hours(6), hours(6))),  # 6 hours of the day, then 6 more, until now
        recorded("BBB", (hours(12), hours(6))),
        stations("CCC"),  # never recorded: what it should have sent is not known
    ):
        sensors.importer.store(read, ORGANISATION_ID, ORIGIN)
    if is_sealed:
        sensors.samples.sealer.run(hours_max=100, settled=False)
    found = sensors.networks.statistics.of_network(OWNER, network_id)
    assert (found.total_sensors, found.online_sensors, found.offline_sensors) == (3, 1, 2)
    assert found.data_completeness == pytest.approx((6 + 6 + 6) / (2 * 24), abs=0.001)
    clock.advance(timedelta(days=2).total_seconds())
    later = sensors.networks.statistics.of_network(OWNER, network_id)
    assert (later.online_sensors, later.data_completeness) == (0, 0.0)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_gap_inside_of_an_hour_is_missing_whether_or_not_the_hour_is_sealed(
    sensors: Sensors, is_sealed: bool
) -> None:
    network_id = sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Costa"), ORIGIN)
    minute = timedelta(minutes=1)
    read = recorded("AAA", (hours(6), minute), (hours(5) + minute, minute))  # the first and the last of an hour
    sensors.importer.store(read, ORGANISATION_ID, ORIGIN)
    if is_sealed:
        sensors.samples.sealer.run(hours_max=100, settled=False)
    found = sensors.networks.statistics.of_network(OWNER, network_id)
    assert found.data_completeness == round(2 / (24 * 60), 4)


def test_where_nothing_was_recorded_completeness_is_not_known(sensors: Sensors) -> None:
    network_id = sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Costa"), ORIGIN)
    sensors.importer.store(stations("AAA"), ORGANISATION_ID, ORIGIN)
    assert sensors.networks.statistics.of_network(OWNER, network_id).data_completeness is None


def test_events_of_thirty_days_are_counted_for_who_asks(
    sensors: Sensors, database: Database, clock: ManualClock
) -> None:
    ids = [
        sensors.networks.commands.create(ORGANISATION_ID, Settings(name=name), ORIGIN) for name in ("Costa", "Sierra")
    ]

    def counted(visible: Visible, since: datetime, network_ids: Collection[str]) -> dict[str, int]:
        assert (visible, since, list(network_ids)) == (OWNER, NOON - timedelta(days=30), ids)
        return {ids[0]: 3, ids[1]: 0}

    found = StatisticsQueries(database, clock, counted).of_networks(OWNER, ids)
    assert [found[network_id].events_30d for network_id in ids] == [3, 0]
