"""A device whose values become finer than a milligal: what is known as whole ones stays, and is known again."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import obspy
import pytest

from services.sensors.accounting.account import Account
from services.sensors.arrival.clocks.era_timings import EraTimings
from services.sensors.arrival.record import Record
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.sealing.sealer import Sealer
from shared.runtime.clock import SystemClock
from tests.device_simulator import Device, simulate
from tests.integration.sensors.arrival.scene import ALL_TIME, SENSOR_ID, Scene, scene

DEVICE = Device(seed=1, hours=0.05, jitter=0.1)


def finer(record: Record) -> Record:
    return replace(record, values=record.values.astype(np.float64) + 0.25)


def seal(here: Scene) -> None:
    while here.samples.sealer.run(settled=False):
        pass
    assert here.samples.verification.run().faults == ()


def values(records: Sequence[Record]) -> list[float]:
    return sorted(float(value) for record in records for value in record.values[0])


def served(here: Scene) -> list[float]:
    return [float(value) for segment in here.segments() for value in segment.samples]


@pytest.mark.parametrize("is_sealed", [True, False])
def test_each_sample_is_read_as_it_was_offered_and_known_again_whatever_was_finer_since(
    tmp_path: Path, is_sealed: bool
) -> None:
    here = scene(tmp_path)
    sent = [one.record for one in simulate(DEVICE).sent]
    whole, later = sent[:90], [finer(record) for record in sent[90:]]
    here.take(whole)
    if is_sealed:
        seal(here)
    offered = 96 * len(later)
    assert here.take(later) == Account(new=offered)
    assert served(here) == values([*whole, *later])
    for again in ([*whole, *later], sent[:90]):
        assert here.take(again) == Account(repeated=96 * len(again))
    assert here.take([finer(record) for record in whole[:10]]) == Account(differing=960)
    assert here.take([replace(later[3], values=sent[93].values)]) == Account(differing=96)
    assert served(here) == values([*whole, *later])
    seal(here)
    assert served(here) == values([*whole, *later])


def test_an_hour_in_which_values_became_finer_is_one_segment_once_it_is_sealed(tmp_path: Path) -> None:
    """Also where whole ones and finer ones came by turns, as before the first finer one is known."""
    here = scene(tmp_path)
    sent = [one.record for one in simulate(DEVICE).sent]
    parts = [*sent[:40], *sent[80:120]], [finer(record) for record in (*sent[40:80], *sent[120:])]
    for part in parts:
        here.take(part)
    assert {segment.samples.dtype for segment in here.segments()} == {np.dtype(np.int32), np.dtype(np.float64)}
    seal(here)
    (segment,) = here.segments()
    assert segment.samples.dtype == np.float64
    assert segment.samples.tolist() == values([*parts[0], *parts[1]])


@pytest.mark.parametrize("is_finer_first", [False, True])
def test_hours_before_and_after_values_became_finer_are_joined_by_other_programs(
    tmp_path: Path, is_finer_first: bool
) -> None:
    """They join traces of one type and rate only. Neither does it matter which hour came first."""
    here = scene(tmp_path)
    sent = [one.record for one in simulate(replace(DEVICE, hours=1.1, missing=0.0)).sent]
    parts = [sent[:3000], [finer(record) for record in sent[3000:]]]
    for part in reversed(parts) if is_finer_first else parts:
        here.take(part)
        seal(here)
    seal(here)
    stream = obspy.read(io.BytesIO(here.samples.reader.miniseed(SENSOR_ID, *ALL_TIME, {"BNZ"})))
    (trace,) = stream.merge()
    assert trace.stats.starttime.hour != trace.stats.endtime.hour
    assert trace.data.tolist() == values([*parts[0], *parts[1]])


def test_an_hour_that_is_sealed_while_values_become_finer_is_of_the_same_type_as_that(tmp_path: Path) -> None:
    here = scene(tmp_path)
    records = [one.record for one in simulate(Device(seed=1, hours=5, jitter=0.1, samples=320)).sent]
    most = len(records) * 9 // 10
    here.take(records[:most])
    later = [finer(one) for one in records[most:]]

    def become(step: str) -> None:
        if step == "read":
            here.take(later)

    eras = EraTimings(here.samples.store)
    sealer = Sealer(here.database, Archive(tmp_path / "samples"), here.samples.coding, eras, SystemClock(), become)
    sealer.run(settled=False, hours_max=1)
    seal(here)
    assert {segment.samples.dtype for segment in here.segments()} == {np.dtype(np.float64)}
