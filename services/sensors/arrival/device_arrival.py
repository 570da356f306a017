"""Arrival of a device's records: each gets its era, its samples an account and a place, in one transaction a sensor.

The same function serves files and messages, so that both give the same. What cannot be decided yet is held.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import structlog
from sqlalchemy import Connection

from services.sensors.accounting.account import Account, Differing
from services.sensors.accounting.identity import Run
from services.sensors.arrival import accounts, held_records, senders
from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.clocks.era_clock import EraClock
from services.sensors.arrival.clocks.era_timings import EraTimings
from services.sensors.arrival.clocks.read_ahead import ReadAhead, asked, read_ahead
from services.sensors.arrival.clocks.waiting_rows import WaitingRows
from services.sensors.arrival.eras.already_stored import ROOM
from services.sensors.arrival.eras.assignment import OfEra, assigned
from services.sensors.arrival.held_records import Held
from services.sensors.arrival.laid_runs import Found, lay, part_of
from services.sensors.arrival.record import Record
from services.sensors.arrival.senders import BySender
from services.sensors.store.piece import Piece
from services.sensors.store.sample_store import SampleStore
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.sql.database import AWAY, Database
from shared.values.timestamps import to_microseconds

RECORDS_MAX = 2048
"""Of one transaction."""

HELD_AT_MOST = timedelta(minutes=1)

Due = Callable[[Held], bool]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of the records, and of those that were held. `held`: samples that wait, in no account yet."""

    account: Account
    held: int


class DeviceArrival:
    def __init__(self, database: Database, store: SampleStore, clock: Clock) -> None:
        self._database, self._store, self._clock, self._lines = database, store, clock, OnceAMinute()
        self._eras = EraTimings(store)
        self._began: datetime | None = None

    def take(self, sensor_id: str, records: Sequence[Record]) -> Arrived:
        """Durable when it returns; what cannot be decided yet is held. Raises SensorUnknown, SpanDamaged."""
        account, held = Account(), 0
        for first in range(0, len(records), RECORDS_MAX):
            part = self._take_alone(sensor_id, records[first : first + RECORDS_MAX], due=_none)
            account, held = account + part.account, part.held
        return Arrived(account=account, held=held)

    def decide(self, sensor_id: str, of: Collection[str] | None = None) -> Account:
        """What waits is stored wherever it fits best. `of`: what those senders sent; None: all.

        Raises SensorUnknown, SpanDamaged.
        """
        return self._take_alone(sensor_id, (), due=lambda held: of is None or held.record.sender in of).account

    def take_in(self, tx: Connection, records: Mapping[str, Sequence[Record]], of_senders: BySender) -> None:
        """`records`: by sensor. In the caller's transaction, which notes `of_senders` at its end.

        All of the sensors are locked, also those without a record. What cannot be decided yet is held.
        Raises SensorUnknown, SpanDamaged.
        """
        self._take(tx, records, of_senders, due=_none)

    def decide_waiting(self) -> None:
        """What has been held for a minute is stored wherever it fits best; what came later goes on waiting."""
        with self._database.reading() as tx:
            waiting = held_records.waiting_for(tx, HELD_AT_MOST, self._now())
        for sensor_id, ids in waiting.items():
            try:
                self._take_alone(sensor_id, (), due=partial(_is_of, ids))
            except (*AWAY, OSError):
                raise
            except Exception as error:  # as of a store that is damaged: what waits stays durable
                if (lines := self._lines.due()) is not None:
                    _log.error("waiting_not_stored", sensor_id=sensor_id, times=lines, exc_info=error)

    def _now(self) -> datetime:
        """As nobody sets it while this runs: what waits for a minute would wait for none, or for days."""
        elapsed = timedelta(seconds=self._clock.elapsed_seconds())
        if self._began is None:
            self._began = self._clock.trusted_now() - elapsed
        return self._began + elapsed

    def _take_alone(self, sensor_id: str, records: Sequence[Record], *, due: Due) -> Arrived:
        with self._database.transaction() as tx:
            of_senders = BySender(Account)
            arrived = self._take(tx, {sensor_id: records}, of_senders, due=due)
            senders.note(tx, of_senders)
        return arrived

    def _take(
        self, tx: Connection, records: Mapping[str, Sequence[Record]], of_senders: BySender, *, due: Due
    ) -> Arrived:
        """Reads by one statement what all sensors need, and writes so: a statement takes longer than a record.

        `due`: which of what was held waits no longer.
        """
        self._store.lock(tx, *records)
        waiting = held_records.of_sensors(tx, records)
        of_sensors = {
            sensor_id: [*(held.record for held in waiting[sensor_id]), *its]
            for sensor_id, its in records.items()
            if its or any(due(held) for held in waiting[sensor_id])
        }
        if not of_sensors:
            return Arrived(account=Account(), held=0)
        of_sensors = self._of_one_kind(tx, of_sensors)
        wanted = (asked(sensor_id, its) for sensor_id, its in of_sensors.items())
        ahead, rows = read_ahead(tx, [one for one in wanted if one is not None]), WaitingRows(tx)
        batch = _Batch()
        for sensor_id in sorted(of_sensors):
            clocks = ClockRows(tx, sensor_id, ahead, rows)
            known = partial(self._known, tx, sensor_id, ahead=ahead)
            before = waiting[sensor_id]
            its_due = {place for place, held in enumerate(before) if due(held)}
            its_eras = assigned(clocks, of_sensors[sensor_id], known, due=its_due)
            batch.hold(sensor_id, of_sensors[sensor_id], its_eras.held, before)
            for era in its_eras.of:
                self._place(tx, sensor_id, era, ahead, batch)
        rows.write()
        self._store.add_all(tx, batch.pieces)
        accounts.note_all(tx, batch.accounts, batch.differing)
        held_records.let_go(tx, batch.let_go)
        held_records.hold(tx, batch.newly_held, to_microseconds(self._now()))
        for sender, account in batch.senders.items():
            of_senders[sender] += account
        return Arrived(account=sum(batch.accounts.values(), Account()), held=batch.held)

    def _of_one_kind(self, tx: Connection, of_sensors: Mapping[str, list[Record]]) -> dict[str, list[Record]]:
        """Once a value of a sensor was finer than a milligal, all are floats: programs join segments of one type."""
        finer = accounts.finer(tx, of_sensors)
        for sensor_id, records in of_sensors.items():
            if sensor_id not in finer and any(record.values.dtype != np.int32 for record in records):
                accounts.note_finer(tx, sensor_id)
                self._store.reseal(tx, sensor_id)
                finer.add(sensor_id)
        return {sensor_id: _floats(its) if sensor_id in finer else its for sensor_id, its in of_sensors.items()}

    def _place(self, tx: Connection, sensor_id: str, era: OfEra, ahead: ReadAhead, batch: "_Batch") -> None:
        in_order, clock = sorted(era.records, key=lambda record: record.device_ns), era.clock
        clock.begin(in_order)
        laid = lay(in_order, self._known(tx, sensor_id, clock, in_order, ahead=ahead), clock.device_interval_ns)
        offered = list(zip(in_order, laid.fresh, strict=True))
        clock.add((record.device_ns, record.cloud_ns, fresh) for record, fresh in offered if fresh)
        for record, fresh in offered:
            if not fresh:
                clock.repeat(record.point)
        for one in clock.settle():
            timing = self._eras.timing(tx, sensor_id, clock.era)
            if timing is not None:
                self._store.retime(tx, sensor_id, clock.era, timing, one.from_ns, one.to_ns)
        batch.pieces[sensor_id] += _pieces(clock, laid.new)
        batch.accounts[sensor_id] += laid.account
        batch.differing[sensor_id] += [_differing(clock, found) for found in laid.found]
        for sender, account in laid.senders.items():
            batch.senders[sender] += account

    def _known(
        self, tx: Connection, sensor_id: str, clock: EraClock, records: Sequence[Record], *, ahead: ReadAhead
    ) -> Mapping[str, list[Run]]:
        first_ns = records[0].device_ns - round((records[0].count + 2) * ROOM * clock.device_interval_ns)
        last_ns = records[-1].device_ns
        read = ahead.asked.get(sensor_id)
        if read is not None and read.from_ns <= first_ns and last_ns + clock.device_interval_ns <= read.to_ns:
            stored = self._store.pieces(ahead.spans[sensor_id, clock.era], read.from_ns, read.to_ns)
        else:
            stored = self._store.known(tx, sensor_id, clock.era, first_ns, last_ns)
        return {
            axis: [
                Run(device_ns=piece.device_ns, device_end_ns=piece.device_end_ns, values=piece.samples)
                for piece in pieces
            ]
            for axis, pieces in stored.items()
        }


def _is_of(ids: Collection[int], held: Held) -> bool:
    return held.id in ids


def _none(_held: Held) -> bool:
    return False


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What is written last, of all sensors at once: by sensor, and by sender. `held`: samples that wait."""

    pieces: defaultdict[str, list[Piece]] = field(default_factory=lambda: defaultdict(list))
    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    differing: defaultdict[str, list[Differing]] = field(default_factory=lambda: defaultdict(list))
    senders: BySender = field(default_factory=lambda: BySender(Account))
    newly_held: dict[str, list[Record]] = field(default_factory=dict)
    let_go: list[int] = field(default_factory=list)
    held: int = 0

    def hold(self, sensor_id: str, records: Sequence[Record], places: Collection[int], before: Sequence[Held]) -> None:
        """`places`: of those that wait. `before`: the first of the records, which were held already."""
        still = set(places)
        self.let_go += [one.id for place, one in enumerate(before) if place not in still]
        self.newly_held[sensor_id] = [records[place] for place in places if place >= len(before)]
        self.held += sum(records[place].values.size for place in places)


def _floats(records: Sequence[Record]) -> list[Record]:
    return [replace(record, values=record.values.astype(np.float64)) for record in records]


def _pieces(clock: EraClock, runs: Mapping[str, Iterable[Run]]) -> list[Piece]:
    starts_ns = {run.device_ns for of_axis in runs.values() for run in of_axis}
    true_ns = {start_ns: clock.true_ns(start_ns) for start_ns in starts_ns}  # axes mostly have the same
    rates = clock.rates
    return [
        Piece(
            axis=axis,
            era=clock.era,
            device_ns=run.device_ns,
            device_end_ns=run.device_end_ns,
            start_ns=true_ns[run.device_ns],
            rate_hz=rates.at(run.device_ns),
            samples=run.values,
        )
        for axis, of_axis in runs.items()
        for run in of_axis
    ]


def _differing(clock: EraClock, found: Found) -> Differing:
    part = part_of(found.run, found.part.first, found.part.first + found.part.offered.size)
    return Differing(
        axis=found.axis,
        start_ns=clock.true_ns(part.device_ns),
        end_ns=clock.true_ns(part.device_end_ns),
        samples=found.part.offered.size,
        kept=(float(found.part.kept.min()), float(found.part.kept.max())),
        offered=(float(found.part.offered.min()), float(found.part.offered.max())),
        source=found.source,
    )
