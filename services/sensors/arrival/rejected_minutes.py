"""Minutes of which samples came and were rejected, by sensor and axis: a row an hour, a bit a minute."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from services.sensors.accounting.rejection import ALL_AXES, RejectedTime
from services.sensors.arrival.tables import rejected_minutes
from services.sensors.store.even_times import HOUR_NS, NS
from shared.sql.dialect_functions import upsert_for

HOURS_MAX = 31 * 24
"""Of one message or trace: what is said to last longer is noted for its first month."""

_MINUTE_NS = 60 * NS
_MINUTES = 60


class RejectedMinutes:
    """`starts_ns`: of minutes, by axis, in order."""

    def __init__(self, starts_ns: Mapping[str, Sequence[int]]) -> None:
        self._starts_ns = starts_ns

    def any_within(self, axis: str, start_ns: int, end_ns: int) -> bool:
        """Whether some of such a minute of the axis is in [start_ns, end_ns)."""
        for starts_ns in (self._starts_ns.get(axis, ()), self._starts_ns.get(ALL_AXES, ())):
            place = bisect_right(starts_ns, start_ns - _MINUTE_NS)
            if place < len(starts_ns) and starts_ns[place] < end_ns:
                return True
        return False


def note(tx: Connection, times: Iterable[tuple[str | None, RejectedTime | None]]) -> None:
    """By sensor; of no sensor that is known, or of no time, nothing is noted. Noted again, nothing changes."""
    found: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for sensor_id, time in times:
        if sensor_id is None or time is None:
            continue
        first, last = time.start_ns // _MINUTE_NS, time.end_ns // _MINUTE_NS
        for minute in range(first, min(last + 1, first + HOURS_MAX * _MINUTES)):
            found[sensor_id, time.axis, minute // _MINUTES] |= 1 << minute % _MINUTES
    rows = [
        {"sensor_id": sensor_id, "axis": axis, "hour": hour, "minutes": minutes}
        for (sensor_id, axis, hour), minutes in sorted(found.items())
    ]
    if rows:
        tx.execute(_noted(tx.dialect.name), rows)


def between(tx: Connection, sensor_id: str, start_ns: int, end_ns: int) -> RejectedMinutes:
    """Those of the hours that begin or end in the range."""
    table, found = rejected_minutes, defaultdict[str, list[int]](list)
    hours = table.c.hour.between(start_ns // HOUR_NS, end_ns // HOUR_NS)
    query = select(table).where(table.c.sensor_id == sensor_id, hours).order_by(table.c.hour)
    for row in tx.execute(query):
        found[row.axis] += [
            row.hour * HOUR_NS + minute * _MINUTE_NS for minute in range(_MINUTES) if row.minutes >> minute & 1
        ]
    return RejectedMinutes(found)


@cache
def _noted(dialect: str) -> Any:
    table = rejected_minutes
    statement = upsert_for(dialect, table)
    both = table.c.minutes.op("|")(statement.excluded.minutes)
    return statement.on_conflict_do_update(index_elements=["sensor_id", "axis", "hour"], set_={"minutes": both})
