"""Alert: a fact that met a rule, one for each rule, key, fact and period; and the store that lists alerts.

Its facts never change. Alerts are raised and resolved in alert_lifecycle.py.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from services.usage.alerting import tables
from services.usage.alerting.alerts.facts import Facts
from services.usage.alerting.rules.rule import Kind
from services.usage.no_such_item import NoSuchItem
from shared.sql.database import Database
from shared.sql.in_values import in_values
from shared.sql.keyset import By, read_page
from shared.values.timestamps import from_microseconds, to_microseconds


class NoSuchAlert(NoSuchItem):
    """There is no such alert in this organisation: the id is unknown or another organisation's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`rule_ids`: every rule that was met, `rule_id` first.

    `resolved_at`: when it was resolved; None while it is open.
    """

    id: str
    rule_id: str
    rule_ids: tuple[str, ...]
    kind: str
    organisation_id: str
    key_id: str
    facts: Facts
    muted: bool
    raised_at: datetime
    resolved_at: datetime | None


class AlertStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        organisation_id: str,
        limit: int,
        after: tuple[int, str] | None = None,
        *,
        key_id: str | None = None,
        rule_id: str | None = None,
        kind: str | None = None,
        is_open: bool | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> tuple[tuple[Alert, ...], tuple[int, str] | None]:
        """Newest first, and the place (raised_at in microseconds, id) of the last one shown; None on the last page.

        `rule_id`: of any rule that was met. `start` and `end`: of the times at which they were raised, the latter not
        in it.
        """
        table = tables.alert
        query = select(table).where(table.c.organisation_id == organisation_id)
        if key_id is not None:
            query = query.where(table.c.key_id == key_id)
        if is_open is not None:
            query = query.where(table.c.resolved_at.is_(None) if is_open else table.c.resolved_at.is_not(None))
        if rule_id is not None:
            was_met = table.c.rule_ids.contains(f'"{rule_id}"', autoescape=True)
            query = query.where((table.c.rule_id == rule_id) | was_met)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if start is not None:
            query = query.where(table.c.raised_at >= to_microseconds(start))
        if end is not None:
            query = query.where(table.c.raised_at < to_microseconds(end))
        newest_first = (By(table.c.raised_at, descending=True), By(table.c.id))
        with self._database.reading() as tx:
            shown, last = read_page(tx, query, newest_first, after, limit)
        return alerts(shown), last and (last.raised_at, last.id)

    def get(self, organisation_id: str, alert_id: str) -> Alert:
        """Raises NoSuchAlert."""
        table = tables.alert
        query = select(table).where(table.c.id == alert_id, table.c.organisation_id == organisation_id)
        with self._database.reading() as tx:
            row = tx.execute(query).one_or_none()
        if row is None:
            raise NoSuchAlert
        return alerts([row])[0]

    def new_sources(self, organisation_id: str, key_ids: Collection[str], since: datetime) -> dict[str, datetime]:
        """Key → when it was last used from a source that was new to it, of those keys where that was since then."""
        table = tables.alert
        latest = func.max(table.c.raised_at)
        with self._database.reading(once=True) as tx:
            is_theirs = table.c.organisation_id == organisation_id, in_values(tx, table.c.key_id, key_ids)
            is_new = table.c.kind == Kind.NEW_SOURCE.value, table.c.raised_at >= to_microseconds(since)
            query = select(table.c.key_id, latest).where(*is_theirs, *is_new).group_by(table.c.key_id)
            return {key_id: from_microseconds(at) for key_id, at in tx.execute(query)}


def alerts(rows: Sequence[Row[Any]]) -> tuple[Alert, ...]:
    """Rows of table `alert` as alerts."""
    return tuple(
        Alert(
            id=row.id,
            rule_id=row.rule_id,
            rule_ids=(row.rule_id,)
            if row.rule_ids is None
            else msgspec.json.decode(row.rule_ids, type=tuple[str, ...]),
            kind=row.kind,
            organisation_id=row.organisation_id,
            key_id=row.key_id,
            facts=msgspec.json.decode(row.facts, type=Facts),
            muted=row.muted,
            raised_at=from_microseconds(row.raised_at),
            resolved_at=None if row.resolved_at is None else from_microseconds(row.resolved_at),
        )
        for row in rows
    )
