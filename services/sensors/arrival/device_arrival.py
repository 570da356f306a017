"""Arrival of a device's records: each gets its era, its samples an account and a place, in one transaction a sensor.

The same function serves files and messages, so that both give the same. What cannot be decided yet is held.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from sqlalchemy import Connection

from services.sensors.accounting.account import Account, Differing
from services.sensors.accounting.identity import Run
from services.sensors.arrival import accounts, held_records, senders
from services.sensors.arrival.clock_rows import ClockRows
from services.sensors.arrival.era_clock import EraClock
from services.sensors.arrival.era_timings import EraTimings
from services.sensors.arrival.laid_runs import Found, lay, part_of
from services.sensors.arrival.record import Record
from services.sensors.arrival.senders import BySender
from services.sensors.store.piece import Piece
from services.sensors.store.sample_store import SampleStore
from services.sensors.timing.eras import assign
from services.sensors.timing.hull import piece_number
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import to_microseconds

RECORDS_MAX = 2048
"""Of one transaction."""

HELD_AT_MOST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of the records. `held`: samples that wait for their era, in no account yet."""

    account: Account
    held: int


class DeviceArrival:
    def __init__(self, database: Database, store: SampleStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    def take(self, sensor_id: str, records: Sequence[Record], *, decide_all: bool) -> Arrived:
        """Durable when it returns. Raises SensorUnknown."""
        account, held = Account(), 0
        for first in range(0, max(len(records), 1), RECORDS_MAX):
            with self._database.transaction() as tx:
                self._store.lock(tx, sensor_id)
                is_last = first + RECORDS_MAX >= len(records)
                some = records[first : first + RECORDS_MAX]
                of_senders = BySender(Account)
                part, held = self._take(tx, sensor_id, some, of_senders, decide_all=decide_all and is_last)
                senders.note(tx, of_senders)
                account += part
        return Arrived(account=account, held=held)

    def take_in(self, tx: Connection, sensor_id: str, records: Sequence[Record], of_senders: BySender) -> None:
        """In the caller's transaction, which notes `of_senders` at its end. What cannot be decided yet is held.

        Raises SensorUnknown, SpanDamaged.
        """
        self._store.lock(tx, sensor_id)
        self._take(tx, sensor_id, records, of_senders, decide_all=False)

    def decide_waiting(self) -> None:
        """What has been held for a minute is stored wherever it fits best."""
        before_us = to_microseconds(self._clock.now() - HELD_AT_MOST)
        with self._database.reading() as tx:
            sensor_ids = held_records.waiting_since(tx, before_us)
        for sensor_id in sensor_ids:
            self.take(sensor_id, (), decide_all=True)

    def _take(
        self, tx: Connection, sensor_id: str, records: Sequence[Record], of_senders: BySender, *, decide_all: bool
    ) -> tuple[Account, int]:
        all_records = _of_one_kind(tx, sensor_id, [*held_records.take(tx, sensor_id), *records])
        if not all_records:
            return Account(), 0
        rows = ClockRows(tx, sensor_id)
        known = rows.eras()
        numbers = [piece_number(record.device_ns) for record in all_records]
        around = {era: rows.around(era, min(numbers), max(numbers)) for era in known}
        assigned = assign(
            around,
            [record.point for record in all_records],
            newest=max(known, default=0),
            decide_all=decide_all or len(all_records) > held_records.HELD_MAX,
        )
        by_era: defaultdict[int, list[Record]] = defaultdict(list)
        for record, era in zip(all_records, assigned.eras, strict=True):
            if era is not None:
                by_era[era].append(record)
        account = Account()
        for era in sorted(by_era):
            stated_hz = Counter(record.rate_hz for record in by_era[era]).most_common(1)[0][0]
            clock = EraClock(rows, era, around.get(era, {}), known.get(era), stated_hz)
            account += self._store_era(tx, sensor_id, clock, by_era[era], of_senders)
        waiting = [all_records[place] for place in assigned.waiting]
        held_records.hold(tx, sensor_id, waiting, to_microseconds(self._clock.now()))
        return account, sum(record.values.size for record in waiting)

    def _store_era(
        self, tx: Connection, sensor_id: str, clock: EraClock, records: Sequence[Record], of_senders: BySender
    ) -> Account:
        in_order = sorted(records, key=lambda record: record.device_ns)
        clock.begin(in_order)
        laid = lay(in_order, self._known(tx, sensor_id, clock, in_order), clock.device_interval_ns)
        offered = list(zip(in_order, laid.fresh, strict=True))
        clock.add((record.device_ns, record.cloud_ns, fresh) for record, fresh in offered if fresh)
        for record, fresh in offered:
            if not fresh:
                clock.repeat(record.point)
        moved = clock.settle()
        for one in moved:
            timing = EraTimings().timing(tx, sensor_id, clock.era)
            if timing is not None:
                self._store.retime(tx, sensor_id, clock.era, timing, one.from_ns, one.to_ns)
        self._store.add(tx, sensor_id, _pieces(clock, laid.new))
        accounts.note(tx, sensor_id, laid.account, [_differing(clock, found) for found in laid.found])
        for sender, account in laid.senders.items():
            of_senders[sender] += account
        return laid.account

    def _known(
        self, tx: Connection, sensor_id: str, clock: EraClock, records: Sequence[Record]
    ) -> Mapping[str, list[Run]]:
        first_ns = records[0].device_ns - round((records[0].count + 2) * clock.device_interval_ns)
        stored = self._store.known(tx, sensor_id, clock.era, first_ns, records[-1].device_ns)
        return {
            axis: [
                Run(device_ns=piece.device_ns, device_end_ns=piece.device_end_ns, values=piece.samples)
                for piece in pieces
            ]
            for axis, pieces in stored.items()
        }


def _of_one_kind(tx: Connection, sensor_id: str, records: list[Record]) -> list[Record]:
    """Once a value was finer than a milligal, all are floats: a segment of samples has one type."""
    finer = accounts.is_finer(tx, sensor_id)
    if not finer and all(record.values.dtype == np.int32 for record in records):
        return records
    if not finer:
        accounts.note_finer(tx, sensor_id)
    return [replace(record, values=record.values.astype(np.float64)) for record in records]


def _pieces(clock: EraClock, runs: Mapping[str, Iterable[Run]]) -> list[Piece]:
    return [
        Piece(
            axis=axis,
            era=clock.era,
            device_ns=run.device_ns,
            device_end_ns=run.device_end_ns,
            start_ns=clock.true_ns(run.device_ns),
            rate_hz=clock.rate_hz,
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
