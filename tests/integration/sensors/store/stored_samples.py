"""A store of samples in a folder, with one sensor, and what tests put into it and read back."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import delete, insert

from services.sensors import tables
from services.sensors.assembly import MIGRATIONS
from services.sensors.registry import epoch_rows
from services.sensors.registry.epoch import EVER_NS, FOREVER_NS, Epoch, Facts
from services.sensors.store.miniseed.archive import Archive, Step, no_step
from services.sensors.store.miniseed.codes import AxisCodes
from services.sensors.store.piece import Piece
from services.sensors.store.reader import SampleReader
from services.sensors.store.sample_store import SampleStore
from services.sensors.store.sealing.reindexing import Reindexing
from services.sensors.store.sealing.sealer import Sealer
from services.sensors.store.sealing.sweep import Sweep
from services.sensors.store.sealing.verification import Verification
from services.sensors.store.timing import Eras, FixedEras, Nanoseconds, Rates
from shared.runtime.clock import Clock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID
from tests.service_database import migrated

SENSOR_ID = "sen_4Yg1RjUWcKrjYPfPvW0i3c"
HOUR_NS = 3600 * 10**9
START_NS = int(NOON.timestamp()) * 10**9 - 6 * HOUR_NS
"""06:00, the begin of an hour that has long settled at NOON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Timing of an era: the device's clock is off by so much."""

    offset_ns: int
    rate_hz: float = 31.25
    changes: tuple[tuple[int, float], ...] = ()
    are_floats: bool = False

    @property
    def rates(self) -> Rates:
        return Rates(first_hz=self.rate_hz, changes=self.changes)

    @property
    def device_interval_ns(self) -> float:
        return 10**9 / self.rate_hz

    def true_ns(self, device_ns: Nanoseconds) -> Nanoseconds:
        return device_ns + self.offset_ns


class Lines:
    """Eras whose timing a test sets."""

    def __init__(self) -> None:
        self.of: dict[int, Line] = {}

    def timing(self, tx: object, sensor_id: str, era: int) -> Line | None:
        return self.of.get(era)

    def settle(self, tx: object, sensor_id: str, axis: str, era: int, from_device_ns: int, to_device_ns: int) -> None:
        pass


class StoredSamples:
    def __init__(self, database: Database, folder: Path, clock: Clock, eras: Eras | None = None) -> None:
        migrated(database, MIGRATIONS)
        self.database, self.clock, self.coding, self.eras = database, clock, AxisCodes(), eras or FixedEras()
        self.archive = Archive(folder)
        self.store = SampleStore(self.archive, self.coding, clock)
        self.reader = SampleReader(database, self.archive, self.coding)
        self.sweep = Sweep(database, self.archive, clock)
        self.verification = Verification(database, self.archive)
        self.reindexing = Reindexing(database, self.archive, self.coding, clock)

    def register(self) -> None:
        with self.database.transaction() as tx:
            tx.execute(
                insert(tables.sensor).values(
                    id=SENSOR_ID, organisation_id=ORGANISATION_ID, network="XX", station="014", name="014", unit="mGal"
                )
            )

    def sealer(self, step: Step = no_step) -> Sealer:
        return Sealer(self.database, self.archive, self.coding, self.eras, self.clock, step)

    def add(self, *pieces: Piece) -> None:
        with self.database.transaction() as tx:
            self.store.lock(tx, SENSOR_ID)
            self.store.add(tx, SENSOR_ID, pieces)

    def recode(self, from_ns: int = EVER_NS, **facts: str) -> int:
        """Axis x has these from that moment on; how many hours are sealed anew."""
        with self.database.transaction() as tx:
            epoch = Epoch(from_ns=from_ns, to_ns=FOREVER_NS, facts=Facts(**facts))  # type: ignore[arg-type]  # all texts
            epoch_rows.state(tx, SENSOR_ID, "x", epoch)
            return self.store.recode(tx, SENSOR_ID, "x", from_ns, FOREVER_NS)

    def lose_index(self) -> None:
        with self.database.transaction() as tx:
            for table in (tables.span, tables.sealed_file, tables.seal_due, tables.channel):
                tx.execute(delete(table))

    def samples(self, start_ns: int = START_NS - 48 * HOUR_NS, end_ns: int = START_NS + 48 * HOUR_NS) -> list[int]:
        """Of axis x, by time."""
        return [int(value) for one in self.reader.segments(SENSOR_ID, start_ns, end_ns, "BNZ") for value in one.samples]


def counting(
    first: int, count: int, *, axis: str = "x", era: int = 1, ahead_ns: int = 0, rate_hz: float = 31.25
) -> Piece:
    """Samples that are their own number, counted from START_NS on, of a device whose clock is ahead."""
    start_ns = START_NS + round(first * 1e9 / rate_hz)
    end_ns = START_NS + round((first + count - 1) * 1e9 / rate_hz)
    return Piece(
        axis=axis,
        era=era,
        device_ns=start_ns + ahead_ns,
        device_end_ns=end_ns + ahead_ns,
        start_ns=start_ns,
        rate_hz=rate_hz,
        samples=np.arange(first, first + count, dtype=np.int32),
    )


def records(numbers: Iterable[int], ahead_ns: int = 0) -> list[Piece]:
    """As a device sends them: one a second, of 32 samples."""
    return [counting(32 * number, 32, ahead_ns=ahead_ns) for number in numbers]


def stretch(first: int, stop: int, ahead_ns: int = 0) -> list[Piece]:
    """Those of a range of numbers, by the hundred: the same samples in fewer rows."""
    return [
        counting(32 * number, 32 * min(100, stop - number), ahead_ns=ahead_ns) for number in range(first, stop, 100)
    ]
