"""Receiver of readings: each message's samples are durable, or rejected for a reason, when `take` returns.

A device is known by its network's organisation and its id, as in files. One that is not known is registered where its
network takes new ones; one that belongs to another network is rejected, for a bridge speaks for its networks alone. The
same batch taken twice is counted as repeated: what was durable before a process ended, and not acknowledged yet, comes
again. While this host's clock is wrong nothing is taken: by it readings would be rejected as from the future, or their
devices' clocks misjudged. They wait on the bus.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from services.sensors.accounting.account import Account, rejected
from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.arrival import accounts, recent_messages, rejected_minutes, senders
from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.arrival.record import Record
from services.sensors.arrival.senders import BySender
from services.sensors.arrival.time_arrival import TimeArrival, Timed
from services.sensors.ingest.openeew_message import Message, MessageRejected, parse
from services.sensors.live.devices import Devices, NotTaken
from services.sensors.store.miniseed.codes import SensorUnknown
from services.sensors.store.span import SpanDamaged
from shared.messaging.readings.reading import Reading
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.sql.database import Database
from shared.sql.dialect_functions import database_time
from shared.values.timestamps import to_nanoseconds

UNNAMED = "unnamed"
"""The sender of readings where accounts are not demanded."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undated:
    """A message that says nothing of its time."""

    digest: bytes
    is_redelivered: bool
    segments: tuple[Timed, ...]


@dataclass(slots=True)
class _OfSensor:
    records: list[Record] = field(default_factory=list)
    segments: list[Timed] = field(default_factory=list)
    undated: list[_Undated] = field(default_factory=list)

    def add(self, reading: Reading, message: Message) -> None:
        self.records += message.records
        if message.is_dated or reading.sent_ns is not None:
            self.segments += message.timed
        else:
            digest = recent_messages.digest(reading.body)
            one = _Undated(digest=digest, is_redelivered=reading.is_redelivered, segments=message.timed)
            self.undated.append(one)

    def samples(self) -> BySender:
        found = BySender(Account)
        for size, sender in [
            *((record.values.size, record.sender) for record in self.records),
            *((segment.samples.size, segment.sender) for segment in self.segments),
            *((segment.samples.size, segment.sender) for one in self.undated for segment in one.segments),
        ]:
            found[sender or UNNAMED] += rejected(size, "")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rejected:
    """`sensor_id`: None: it names none that is there, and in its network. `time`: None: not known."""

    sender: str
    kind: Rejection
    samples: int
    sensor_id: str | None = None
    time: RejectedTime | None = None


class ClockWrong(Exception):
    """This host's clock and its database's differ by over an hour."""


class Receiver:
    def __init__(
        self, database: Database, devices: Devices, arrival: DeviceArrival, timed: TimeArrival, clock: Clock
    ) -> None:
        self._database, self._devices, self._arrival, self._timed = database, devices, arrival, timed
        self._clock, self._lines = clock, OnceAMinute()

    def take(self, readings: Sequence[Reading]) -> None:
        """Raises ClockWrong, and what a database raises that is away: nothing of the batch is stored then."""
        turned_away: list[_Rejected] = []
        refused: list[tuple[Reading, MessageRejected]] = []
        read: list[tuple[Reading, Message]] = []
        now_ns = to_nanoseconds(self._now())
        for reading in readings:
            try:
                read.append((reading, _message(reading, now_ns)))
            except MessageRejected as error:
                refused.append((reading, error))
        turned_away += self._refused(refused)
        by_sensor: defaultdict[str, _OfSensor] = defaultdict(_OfSensor)
        found = self._devices.find([(reading.network_id, message.device_id) for reading, message in read])
        for (reading, message), sensor_id in zip(read, found, strict=True):
            if isinstance(sensor_id, NotTaken):
                shown = sum(record.values.size for record in message.records)
                shown += sum(segment.samples.size for segment in message.timed)
                turned_away.append(self._reject(reading, sensor_id.kind, shown, sensor_id.reason))
            else:
                by_sensor[sensor_id].add(reading, message)
        self._store(by_sensor, turned_away)

    def _refused(self, refused: Sequence[tuple[Reading, MessageRejected]]) -> list[_Rejected]:
        """For their sensors, where they name some."""
        if not refused:
            return []
        known = self._devices.known([(reading.network_id, error.device_id or "") for reading, error in refused])
        return [
            replace(
                self._reject(reading, error.kind, error.samples, error.reason), sensor_id=sensor_id, time=error.time
            )
            for (reading, error), sensor_id in zip(refused, known, strict=True)
        ]

    def _now(self) -> datetime:
        now = self._clock.now()
        if not self._database.is_sqlite:  # whose clock is this host's
            with self._database.reading(once=True) as tx:
                differ = database_time(tx) - now
            if abs(differ.total_seconds()) > TOLERANCE_SECONDS:
                raise ClockWrong
        return now

    def _store(self, by_sensor: Mapping[str, _OfSensor], turned_away: Sequence[_Rejected]) -> None:
        try:
            with self._database.transaction() as tx:
                self._store_in(tx, by_sensor, turned_away)
        except (SensorUnknown, SpanDamaged):
            self._store_one_by_one(by_sensor, turned_away)

    def _store_one_by_one(self, by_sensor: Mapping[str, _OfSensor], turned_away: Sequence[_Rejected]) -> None:
        """One of them cannot be stored: the others are."""
        left = [replace(one, sensor_id=None) for one in turned_away]  # it may be theirs
        for sensor_id, of_sensor in by_sensor.items():
            try:
                with self._database.transaction() as tx:
                    self._store_in(tx, {sensor_id: of_sensor}, ())
            except (SensorUnknown, SpanDamaged) as error:
                kind = Rejection.SENSOR_DELETED if isinstance(error, SensorUnknown) else Rejection.STORE_DAMAGED
                _log.error("readings_not_stored", sensor_id=sensor_id, reason=kind.value, detail=str(error))
                left += [
                    _Rejected(sender=sender, kind=kind, samples=account.rejected)
                    for sender, account in of_sensor.samples().items()
                ]
        with self._database.transaction() as tx:
            self._store_in(tx, {}, left)

    def _store_in(self, tx: Connection, by_sensor: Mapping[str, _OfSensor], turned_away: Sequence[_Rejected]) -> None:
        of_senders = BySender(Account)
        # First, for it locks all sensors at once.
        records: dict[str, list[Record]] = {one.sensor_id: [] for one in turned_away if one.sensor_id is not None}
        records |= {sensor_id: by_sensor[sensor_id].records for sensor_id in by_sensor}
        self._arrival.take_in(tx, records, of_senders)
        for sensor_id, of_sensor in by_sensor.items():
            segments = of_sensor.segments
            if of_sensor.undated:
                segments = segments + _first_times(tx, sensor_id, of_sensor.undated, of_senders)
            if segments:
                self._timed.take_in(tx, sensor_id, segments, of_senders)
        of_sensors = BySender(Account)
        for one in turned_away:
            of_senders[one.sender] += rejected(one.samples, one.kind.value)
            if one.sensor_id is not None:
                of_sensors[one.sensor_id] += rejected(one.samples, one.kind.value)
        accounts.note_all(tx, of_sensors, {})
        rejected_minutes.note(tx, ((one.sensor_id, one.time) for one in turned_away))
        senders.note(tx, of_senders)
        senders.note_rejected(tx, ((one.kind, one.samples) for one in turned_away))

    def _reject(self, reading: Reading, kind: Rejection, samples: int, reason: str) -> _Rejected:
        if (lines := self._lines.due()) is not None:
            _log.warning(
                "reading_rejected", account=reading.account, network_id=reading.network_id, reason=reason, times=lines
            )
        return _Rejected(sender=reading.account or UNNAMED, kind=kind, samples=samples)


def _first_times(tx: Connection, sensor_id: str, undated: Sequence[_Undated], of_senders: BySender) -> list[Timed]:
    """Without messages that were stored before they were delivered again: those are repeated."""
    known = recent_messages.known(tx, sensor_id) if any(one.is_redelivered for one in undated) else set()
    new = [one for one in undated if not (one.is_redelivered and one.digest in known)]
    repeated = [segment for one in undated if one not in new for segment in one.segments]
    for segment in repeated:
        of_senders[segment.sender or UNNAMED] += Account(repeated=segment.samples.size)
    if repeated:
        accounts.note(tx, sensor_id, Account(repeated=sum(one.samples.size for one in repeated)), ())
    recent_messages.note(tx, sensor_id, [one.digest for one in new])
    return [segment for one in new for segment in one.segments]


def _message(reading: Reading, now_ns: int) -> Message:
    sender = reading.account or UNNAMED
    received_ns = now_ns if reading.sent_ns is None else min(reading.sent_ns, now_ns)
    return parse(reading.body, source=f"live, {sender}", now_ns=now_ns, received_ns=received_ns, sender=sender)
