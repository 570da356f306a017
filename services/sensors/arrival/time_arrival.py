"""Arrival of samples that only their time identifies: of files such as miniSEED and SAC, made by others' clocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from services.sensors.accounting.account import Account, Differing
from services.sensors.accounting.identity import Run, Values, judge_by_time
from services.sensors.arrival import accounts, senders
from services.sensors.arrival.laid_runs import part_of
from services.sensors.arrival.senders import BySender
from services.sensors.store.even_times import NS, time_ns
from services.sensors.store.miniseed.codec import stated_rate
from services.sensors.store.piece import BY_TIME, Piece, by_time
from services.sensors.store.sample_store import SampleStore
from shared.sql.database import Database

_OFF_MAX = 0.25  # of an interval: what follows then still continues what was before


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timed:
    """Evenly spaced samples without a gap. `axis`: location and channel, as `00.BHZ`. `source`: the file and trace.

    `sender`: the account on the broker; None: of a file.
    """

    axis: str
    start_ns: int
    rate_hz: float
    samples: Values
    source: str
    sender: str | None = None


class TimeArrival:
    def __init__(self, database: Database, store: SampleStore) -> None:
        self._database, self._store = database, store

    def take(self, sensor_id: str, segments: Sequence[Timed]) -> Account:
        """Durable when it returns, all or none. Raises SensorUnknown."""
        with self._database.transaction() as tx:
            of_senders = BySender(Account)
            account = self.take_in(tx, sensor_id, segments, of_senders)
            senders.note(tx, of_senders)
        return account

    def take_in(self, tx: Connection, sensor_id: str, segments: Sequence[Timed], of_senders: BySender) -> Account:
        """In the caller's transaction, which notes `of_senders` at its end. Raises SensorUnknown, SpanDamaged."""
        self._store.lock(tx, sensor_id)
        account, differing = Account(), list[Differing]()
        for segment in segments:
            of_segment = self._take(tx, sensor_id, segment, differing)
            account += of_segment
            if segment.sender is not None:
                of_senders[segment.sender] += of_segment
        accounts.note(tx, sensor_id, account, differing)
        return account

    def _take(self, tx: Connection, sensor_id: str, segment: Timed, differing: list[Differing]) -> Account:
        end_ns = time_ns(segment.start_ns, segment.rate_hz, segment.samples.size - 1)
        run = Run(device_ns=segment.start_ns, device_end_ns=end_ns, values=segment.samples)
        stored = self._store.known(tx, sensor_id, BY_TIME, segment.start_ns, end_ns).get(segment.axis, ())
        known = [
            Run(device_ns=piece.device_ns, device_end_ns=piece.device_end_ns, values=piece.samples) for piece in stored
        ]
        judged = judge_by_time(run, known, NS / segment.rate_hz)
        for part in judged.contradictions:
            where = part_of(run, part.first, part.first + part.offered.size)
            differing.append(_differing(segment, where, part.kept, part.offered))
        self._store.add(tx, sensor_id, [piece for first, stop in judged.new for piece in _pieces(segment, first, stop)])
        return Account(
            new=sum(stop - first for first, stop in judged.new),
            repeated=judged.repeated,
            differing=sum(part.offered.size for part in judged.contradictions),
        )


def _pieces(segment: Timed, first: int, stop: int) -> Iterator[Piece]:
    """Each begins at its own time: the rate that they state moves none of their samples by more than `_OFF_MAX`."""
    rate_hz = stated_rate(segment.rate_hz)
    off = abs(rate_hz / segment.rate_hz - 1)  # intervals, from one sample to the next
    step = max(int(_OFF_MAX / off), 1) if off else stop - first
    for begin in range(first, stop, step):
        start_ns = time_ns(segment.start_ns, segment.rate_hz, begin)
        yield by_time(segment.axis, start_ns, rate_hz, segment.samples[begin : min(begin + step, stop)])


def _differing(segment: Timed, where: Run, kept: Values, offered: Values) -> Differing:
    return Differing(
        axis=segment.axis,
        start_ns=where.device_ns,
        end_ns=where.device_end_ns,
        samples=int(np.size(offered)),
        kept=(float(kept.min()), float(kept.max())),
        offered=(float(offered.min()), float(offered.max())),
        source=segment.source,
    )
