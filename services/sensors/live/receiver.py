"""Receiver of readings: each message's samples are durable, or rejected for a reason, when `take` returns.

A device is known by its network's organisation and its id, as in files. One that is not known is registered where its
network takes new ones; one that belongs to another network is rejected, for a bridge speaks for its networks alone. The
same batch taken twice is counted as repeated: what was durable before a process ended, and not acknowledged yet, comes
again. While this host's clock is wrong nothing is taken: by it readings would be rejected as from the future, or their
devices' clocks misjudged. They wait on the bus.

Where a batch cannot be taken, each of its messages is tried alone: one that still cannot be stored is rejected, and
holds up no other. Only a database or a disk that is away puts all off.
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
from shared.eventsourcing.repository import TooMuchContention
from shared.messaging.readings.reading import Reading
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.sql.database import AWAY, Database
from shared.sql.dialect_functions import database_time
from shared.values.timestamps import to_nanoseconds

UNNAMED = "unnamed"
"""The sender of readings where accounts are not demanded."""

PUT_OFF = (*AWAY, TooMuchContention, OSError)
"""A database or a disk that is away, or too busy: nothing that a message says is the reason."""

VAIN_SECONDS_MAX = 300.0
"""How long batches are put off of which nothing can be stored. Other messages wait behind them."""

_KINDS = {SensorUnknown: Rejection.SENSOR_DELETED, SpanDamaged: Rejection.STORE_DAMAGED}

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
        self._faults = OnceAMinute()
        self._vain_since: float | None = None

    def take(self, readings: Sequence[Reading]) -> None:
        """Raises ClockWrong, and what a database or a disk raises that is away: the batch is to be given again then."""
        now_ns = to_nanoseconds(self._now())
        try:
            by_sensor, turned_away = self._read(readings, now_ns)
            self._store(by_sensor, turned_away)
        except PUT_OFF:
            raise
        except Exception:
            self._take_one_by_one(readings, now_ns)
        else:
            if by_sensor:
                self._vain_since = None

    def _take_one_by_one(self, readings: Sequence[Reading], now_ns: int) -> None:
        """One of them cannot be taken, and is rejected; the others are.

        While none at all can be stored that is hardly for what they say: for some minutes they are put off.
        """
        failed: list[tuple[Reading, Exception]] = []
        turned_away: list[_Rejected] = []
        is_any_stored = False
        for reading in readings:
            try:
                by_sensor, its_turned_away = self._read([reading], now_ns)
                if by_sensor:
                    self._store(by_sensor, ())
            except PUT_OFF:
                raise
            except Exception as error:
                failed.append((reading, error))
            else:
                is_any_stored |= bool(by_sensor)
                turned_away += its_turned_away
        unexpected = [error for _, error in failed if type(error) not in _KINDS]
        if is_any_stored:
            self._vain_since = None
        elif unexpected and self._is_worth_waiting():
            raise unexpected[0]
        turned_away += self._refused([(reading, _failure(reading, error, now_ns)) for reading, error in failed])
        for reading, fault in failed:
            if (lines := self._faults.due()) is not None:
                _log.error("reading_not_stored", network_id=reading.network_id, times=lines, exc_info=fault)
        self._store({}, turned_away)

    def _is_worth_waiting(self) -> bool:
        now = self._clock.elapsed_seconds()
        if self._vain_since is None:
            self._vain_since = now
        return now - self._vain_since < VAIN_SECONDS_MAX

    def _read(self, readings: Sequence[Reading], now_ns: int) -> tuple[dict[str, _OfSensor], list[_Rejected]]:
        """By sensor, what is to be stored; and what is turned away."""
        turned_away: list[_Rejected] = []
        refused: list[tuple[Reading, MessageRejected]] = []
        read: list[tuple[Reading, Message]] = []
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
                turned_away.append(self._reject(reading, sensor_id.kind, message.samples, sensor_id.reason))
            else:
                by_sensor[sensor_id].add(reading, message)
        return by_sensor, turned_away

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
        """All or none."""
        with self._database.transaction() as tx:
            self._store_in(tx, by_sensor, turned_away)

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


def _failure(reading: Reading, error: Exception, now_ns: int) -> MessageRejected:
    """As what it is rejected that could not be taken."""
    kind, reason = _KINDS.get(type(error), Rejection.NOT_STORED), str(error) or type(error).__name__
    try:
        message = _message(reading, now_ns)
    except Exception:
        return MessageRejected(reason, kind=kind)
    return MessageRejected(reason, message.samples, kind, message.device_id, message.time)
