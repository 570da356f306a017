"""Counters in SQL: by key and by organisation, each by minute, hour and day.

A batch is added to minutes and days at once; hours are rolled up later (rollup.py). Durations: durations.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from services.usage import tables
from services.usage.bulk_upsert import add_to
from services.usage.counters.aggregation import (
    DAY_MINUTES,
    HOUR_MINUTES,
    CounterSums,
    Counts,
    Networks,
    by_day,
    by_organisation,
    by_step,
    networks_by_hour,
    networks_by_organisation,
)
from shared.sql.in_values import in_values


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTables:
    """Counters by minute, rolled up into hours. `owner`: the column that names whose they are."""

    owner: str
    minute: Table
    hour: Table

    def within(
        self, tx: Connection, owners: str | Collection[str] | Select[str], first: int, last: int, step: int
    ) -> Subquery:
        """All of `parts`."""
        parts = self.parts(tx, owners, first, last, step)
        return parts[0].subquery() if len(parts) == 1 else union_all(*parts).subquery()

    def parts(
        self, tx: Connection, owners: str | Collection[str] | Select[str], first: int, last: int, step: int
    ) -> list[Select[Any]]:
        """The fewest rows that cover the minutes in [first, last), both multiples of `step` minutes, by table.

        With steps of hours or days: the hours, and the minutes not yet rolled up. `owners`: an id, some, or a query for
        them.
        """
        if step < HOUR_MINUTES:
            return [self._between(tx, self.minute, owners, first, last)]
        hours, before = self._between(tx, self.hour, owners, first, last), rolled_up_before(tx)
        if before >= last:
            return [hours]
        return [hours, self._between(tx, self.minute, owners, max(first, before), last)]

    def days_kept(self, tx: Connection, owner: str) -> tuple[int, int]:
        """The whole days, in minutes [first, last), that an owner's counters lie in; 0, 0 where there are none."""
        ends = [
            select(end(table.c.minute)).where(table.c[self.owner] == owner).scalar_subquery()
            for table in (self.minute, self.hour)
            for end in (func.min, func.max)
        ]
        known = [minute for minute in tx.execute(select(*ends)).one() if minute is not None]
        if not known:
            return 0, 0
        return min(known) // DAY_MINUTES * DAY_MINUTES, (max(known) // DAY_MINUTES + 1) * DAY_MINUTES

    def _between(
        self, tx: Connection, table: Table, owners: str | Collection[str] | Select[str], first: int, last: int
    ) -> Select[Any]:
        owner = table.c[self.owner]
        if isinstance(owners, str):
            is_owned: ColumnElement[bool] = owner == owners
        else:
            is_owned = owner.in_(owners) if isinstance(owners, Select) else in_values(tx, owner, owners)
        return select(table).where(is_owned, table.c.minute >= first, table.c.minute < last)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterTables(StepTables):
    """The counters of one kind of owner."""

    duration: Table
    duration_day: Table
    networks: StepTables


KEYS = CounterTables(
    owner="key_id",
    minute=tables.counter,
    hour=tables.counter_hour,
    duration=tables.duration,
    duration_day=tables.duration_day,
    networks=StepTables(owner="key_id", minute=tables.network_counter, hour=tables.network_counter_hour),
)
ORGANISATIONS = CounterTables(
    owner="organisation_id",
    minute=tables.organisation_counter,
    hour=tables.organisation_counter_hour,
    duration=tables.organisation_duration,
    duration_day=tables.organisation_duration_day,
    networks=StepTables(
        owner="organisation_id",
        minute=tables.organisation_network_counter,
        hour=tables.organisation_network_counter_hour,
    ),
)
STEPPED = (KEYS, ORGANISATIONS, KEYS.networks, ORGANISATIONS.networks)
SUMS = ("requests", "cost", "size")
_ROLLED_UP_BEFORE = select(tables.rolled_up.c.before)
_LARGEST = literal(2**63 - 1, BigInteger)


def count(tx: Connection, gained: CounterSums) -> None:
    """Adds sums to the counters, always in the same order of tables and rows.

    Hours are added to only for minutes that are rolled up already; the others follow with the roll-up.
    """
    before = rolled_up_before(tx)
    late = {place: sums for place, sums in gained.counts.items() if place[1] < before}
    hours = by_step(late, HOUR_MINUTES)
    late_networks = networks_by_hour({place: sums for place, sums in gained.networks.items() if place[1] < before})
    _add(tx, KEYS, gained.counts, hours)
    _add_networks(tx, KEYS.networks, gained.networks, late_networks)
    days, names = by_day(gained.counts), gained.organisations
    names_of_days = ("key_id", "minute", *SUMS, "refused")
    add_to(tx, tables.counter_day, names_of_days, [day + days[day] for day in sorted(days)])
    _add(tx, ORGANISATIONS, by_organisation(gained.counts, names), by_organisation(hours, names))
    of_organisations = (networks_by_organisation(networks, names) for networks in (gained.networks, late_networks))
    _add_networks(tx, ORGANISATIONS.networks, *of_organisations)


def rolled_up_before(tx: Connection) -> int:
    """The roll-up mark: counters by hour hold all minutes before this one, and none from it on."""
    before: int = tx.execute(_ROLLED_UP_BEFORE).scalar_one()
    return before


def sum_of(numbers: ColumnElement[int]) -> ColumnElement[int]:
    """A sum as BIGINT, the largest there is where it is more: PostgreSQL sums BIGINT to NUMERIC, slow to read."""
    total = func.coalesce(func.sum(numbers), 0)
    return cast(case((total > _LARGEST, _LARGEST), else_=total), BigInteger)


def _add(tx: Connection, owned: CounterTables, minutes: Counts, hours: Counts) -> None:
    names = (owned.owner, "minute", "route", "status", *SUMS)
    for table, counts in ((owned.minute, minutes), (owned.hour, hours)):
        add_to(tx, table, names, [place + counts[place] for place in sorted(counts)])


def _add_networks(tx: Connection, owned: StepTables, minutes: Networks, hours: Networks) -> None:
    names = (owned.owner, "minute", "network_id", "requests")
    for table, counts in ((owned.minute, minutes), (owned.hour, hours)):
        add_to(tx, table, names, [(*place, counts[place]) for place in sorted(counts)])
