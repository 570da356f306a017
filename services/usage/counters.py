"""The counters in the database: by key and by organisation, each by minute, hour and day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from services.usage import durations, tables
from services.usage.many_rows import add_to, put
from services.usage.tally import (
    DAY_MINUTES,
    HOUR_MINUTES,
    Counts,
    Durations,
    Tally,
    add_buckets,
    by_organisation,
    by_step,
    durations_by_organisation,
)

_READ_MAX = 500  # owners a query: SQLite's parameters have a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """The counters of one kind of owner. `owner`: the column that names it."""

    owner: str
    minute: Table
    hour: Table
    day: Table
    duration: Table

    def steps(self) -> Mapping[int, Table]:
        """Minutes a step → its table."""
        return {1: self.minute, HOUR_MINUTES: self.hour, DAY_MINUTES: self.day}


KEYS = Owned(
    owner="key_id",
    minute=tables.counter,
    hour=tables.counter_hour,
    day=tables.counter_day,
    duration=tables.duration,
)
ORGANISATIONS = Owned(
    owner="organisation_id",
    minute=tables.organisation_counter,
    hour=tables.organisation_counter_hour,
    day=tables.organisation_counter_day,
    duration=tables.organisation_duration,
)


def totals(of: Tally) -> Iterable[tuple[Owned, Counts, Durations]]:
    """What each owner's counters gain."""
    yield KEYS, of.counts, of.durations
    yield (
        ORGANISATIONS,
        by_organisation(of.counts, of.organisations),
        durations_by_organisation(of.durations, of.organisations),
    )


def count(tx: Connection, gained: Tally) -> None:
    """In one order of tables and rows, whatever came in."""
    for owned, counts, took in totals(gained):
        for minutes, table in owned.steps().items():
            counts = by_step(counts, minutes)
            names = (owned.owner, "minute", "route", "status", "requests", "cost", "size")
            add_to(tx, table, names, [place + counts[place] for place in sorted(counts)])
        _add_durations(tx, owned, took)


def read_durations(tx: Connection, owned: Owned, places: Iterable[tuple[str, int]]) -> Durations:
    """The sketches that there are, by owner and hour."""
    table, wanted = owned.duration, set(places)
    owners, hours = sorted({owner for owner, _ in wanted}), {hour for _, hour in wanted}
    found: Durations = {}
    for first in range(0, len(owners), _READ_MAX):
        few = owners[first : first + _READ_MAX]
        in_time = table.c.minute.between(min(hours), max(hours))
        query = select(table.c[owned.owner], table.c.minute, table.c.sketch)
        for owner, hour, sketch in tx.execute(query.where(table.c[owned.owner].in_(few), in_time)):
            if (owner, hour) in wanted:
                found[owner, hour] = durations.from_bytes(sketch)
    return found


def _add_durations(tx: Connection, owned: Owned, took: Durations) -> None:
    known = read_durations(tx, owned, took)
    for place, buckets in took.items():
        add_buckets(known.setdefault(place, {}), buckets)
    rows = [(*place, durations.to_bytes(known[place])) for place in sorted(took)]
    put(tx, owned.duration, (owned.owner, "minute", "sketch"), rows)
