"""Statements of a file checked against what was recorded: which axis each is about, and what contradicts samples.

What contradicts them is told and not believed: a header is typed by hand, samples come at the rate that they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.epoch import EVER_NS, FOREVER_NS
from services.sensors.store.miniseed.codes import ASSUMED_COMPONENTS, Coding
from shared.values.timestamps import to_nanoseconds

_RATE_OFF_MAX = 0.01
_RATES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`remarks`: why the others are left out, for users."""

    statements: tuple[StateEpoch, ...]
    remarks: tuple[str, ...]


def checked(tx: Connection, coding: Coding, sensor_id: str, station: str, told: Sequence[StateEpoch]) -> Checked:
    """`station`: as it is called in remarks. Raises SensorUnknown."""
    channel = tables.channel
    query = select(channel.c.axis, channel.c.last_sample_ns).where(channel.c.sensor_id == sensor_id)
    known = {row.axis: row.last_sample_ns for row in tx.execute(query)}
    codes = coding.of(tx, sensor_id)
    kept: list[StateEpoch] = []
    remarks: list[str] = []
    for one in told:
        axis, rate_hz = one.axis, one.facts.sample_rate_hz
        if (
            axis is not None
            and axis not in known
            and axis not in ASSUMED_COMPONENTS
            and known.keys() & ASSUMED_COMPONENTS
        ):
            named = {
                f"{of.location}.{of.channel}": each
                for each in sorted(known)
                for of in [codes.at(each, known[each], rate_hz or 0)]
            }
            if axis not in named:
                remarks.append(f"{station}: no channel of the sensor is {axis}, so what is said of it is left out")
                continue
            axis = named[axis]
        if axis is not None and rate_hz is not None:
            recorded = _other_rate(tx, sensor_id, axis, one, rate_hz)
            if recorded is not None:
                remarks.append(
                    f"{station}: {one.axis} is said to have {rate_hz:g} Hz, but its samples of that time have "
                    f"{recorded:g} Hz; what is said of it is left out"
                )
                continue
        kept.append(replace(one, axis=axis))
    return Checked(statements=tuple(kept), remarks=tuple(remarks))


def _other_rate(tx: Connection, sensor_id: str, axis: str, told: StateEpoch, rate_hz: float) -> float | None:
    """One at which samples of that time are stored, if it is none that a clock's drift explains."""
    span = tables.span
    from_ns = EVER_NS if told.starts_at is None else to_nanoseconds(told.starts_at)
    to_ns = FOREVER_NS if told.ends_at is None else to_nanoseconds(told.ends_at)
    inside = (span.c.end_ns >= from_ns) & (span.c.start_ns < to_ns)
    query = select(span.c.rate_hz).where(span.c.sensor_id == sensor_id, span.c.axis == axis, inside).distinct()
    rates = tx.execute(query.limit(_RATES_MAX)).scalars()
    return next((rate for rate in rates if abs(rate / rate_hz - 1) > _RATE_OFF_MAX), None)
