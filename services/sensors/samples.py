"""Samples: the parts of the store put together, for the service and for commands on the host."""

from dataclasses import dataclass
from pathlib import Path

from services.sensors.arrival.clocks.era_timings import EraTimings
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codes import AxisCodes, Coding
from services.sensors.store.reader import SampleReader
from services.sensors.store.sample_store import SampleStore
from services.sensors.store.sealing.reindexing import Reindexing
from services.sensors.store.sealing.retention import Retention
from services.sensors.store.sealing.sealer import Sealer
from services.sensors.store.sealing.sweep import Sweep
from services.sensors.store.sealing.verification import Verification
from shared.runtime.clock import Clock
from shared.sql.database import Database

CODES_KEPT_SECONDS = 1.0
"""In which reads may still tell codes that were corrected; what is sealed has them when it is sealed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    coding: Coding
    store: SampleStore
    reader: SampleReader
    sealer: Sealer
    sweep: Sweep
    retention: Retention
    verification: Verification
    reindexing: Reindexing


def open_samples(database: Database, folder: Path, clock: Clock) -> Samples:
    """`folder`: of sealed files. It is made when the first one is written."""
    archive, coding = Archive(folder), AxisCodes()
    store = SampleStore(archive, coding, clock)
    return Samples(
        coding=coding,
        store=store,
        reader=SampleReader(database, archive, AxisCodes(CODES_KEPT_SECONDS)),
        sealer=Sealer(database, archive, coding, EraTimings(store), clock),
        sweep=Sweep(database, archive, clock),
        retention=Retention(database, clock),
        verification=Verification(database, archive),
        reindexing=Reindexing(database, archive, coding, clock),
    )
