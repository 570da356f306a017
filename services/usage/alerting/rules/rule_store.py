"""Store of alert rules in SQL, with optimistic concurrency by revision; makes the default rules of an organisation."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, select, update

from services.usage.alerting import tables
from services.usage.alerting.rules.rule import PARAMETERS, Kind, Rule, default_rules
from services.usage.commit_check import CommitCheck, no_check
from services.usage.no_such_item import NoSuchItem
from services.usage.notifications.channels.channel_store import lock_channels
from shared.runtime.clock import Clock
from shared.sql.database import Database, upsert
from shared.sql.keyset import By, read_page
from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.values.timestamps import from_microseconds, to_microseconds

RULES_MAX = 100
_RULES_OF = select(tables.alert_rule).where(
    tables.alert_rule.c.organisation_id.in_(bindparam("organisations", expanding=True)),
    tables.alert_rule.c.deleted_at.is_(None),
)


class NoSuchRule(NoSuchItem):
    """There is no such rule in this organisation: the id is unknown, deleted or another organisation's."""


class TooManyRules(Exception):
    """The organisation has RULES_MAX rules already."""


class RuleStore:
    """`check` is called last before a change is committed; what it raises takes the change back."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def page(
        self, organisation_id: str, limit: int, after: tuple[int, str] | None = None
    ) -> tuple[tuple[Rule, ...], tuple[int, str] | None]:
        """Keyset page, oldest first, and the place (created_at in µs, id) of its last rule; None on the last page."""
        table = tables.alert_rule
        query = select(table).where(table.c.organisation_id == organisation_id, table.c.deleted_at.is_(None))
        oldest_first = (By(table.c.created_at), By(table.c.id))
        with self._database.reading() as tx:
            shown, last = read_page(tx, query, oldest_first, after, limit)
        return tuple(map(_rule, shown)), last and (last.created_at, last.id)

    def get(self, organisation_id: str, rule_id: str) -> Rule:
        """Raises NoSuchRule."""
        with self._database.reading() as tx:
            return _get(tx, organisation_id, rule_id)

    def add(self, rule: Rule, check: CommitCheck = no_check) -> None:
        """Raises TooManyRules, and NoSuchChannel when one that it names was deleted."""
        table = tables.alert_rule
        own = (table.c.organisation_id == rule.organisation_id, table.c.deleted_at.is_(None))
        with self._database.transaction() as tx:
            lock_channels(tx, rule.organisation_id, rule.channels)
            if tx.execute(select(func.count()).select_from(table).where(*own)).scalar_one() >= RULES_MAX:
                raise TooManyRules
            tx.execute(upsert(tx, table), _row(rule))
            check(tx, rule.id)

    def change(
        self,
        organisation_id: str,
        rule_id: str,
        edit: Callable[[Rule], Rule],
        seen: SeenRevisions = ANY_REVISION,
        check: CommitCheck = no_check,
    ) -> Rule:
        """The rule as stored: `edit` of what it is while it is locked; one that alters nothing makes no revision.

        Raises NoSuchRule, NoSuchChannel, or RevisionDiffers when its revision is not among those `seen`.
        """
        with self._database.transaction() as tx:
            before = _get(tx, organisation_id, rule_id, lock=True)
            seen.check(before.revision)
            changed = edit(before)
            if changed != before:
                # A channel that it named before may be missing: it was deleted when that was possible.
                lock_channels(tx, organisation_id, set(changed.channels) - set(before.channels))
                changed = replace(changed, revision=before.revision + 1)
                tx.execute(update(tables.alert_rule).where(tables.alert_rule.c.id == rule_id).values(_row(changed)))
            check(tx, rule_id)
            return changed

    def delete(
        self, organisation_id: str, rule_id: str, seen: SeenRevisions = ANY_REVISION, check: CommitCheck = no_check
    ) -> datetime:
        """The time of deletion. Raises NoSuchRule or RevisionDiffers."""
        now = self._clock.now()
        with self._database.transaction() as tx:
            seen.check(_get(tx, organisation_id, rule_id, lock=True).revision)
            table = tables.alert_rule
            tx.execute(update(table).where(table.c.id == rule_id).values(deleted_at=to_microseconds(now)))
            check(tx, rule_id)
        return now


def make_defaults(tx: Connection, organisation_id: str, now: datetime) -> None:
    """Makes the default rules that the organisation never had. Changed or deleted ones stay as they are."""
    rows = [_row(rule) for rule in default_rules(organisation_id, now)]
    tx.execute(upsert(tx, tables.alert_rule).on_conflict_do_nothing(), rows)


def rules_of(tx: Connection, organisation_ids: Iterable[str]) -> dict[str, list[Rule]]:
    """Organisation → its rules."""
    found: dict[str, list[Rule]] = {}
    for row in tx.execute(_RULES_OF, {"organisations": list(set(organisation_ids))}):
        found.setdefault(row.organisation_id, []).append(_rule(row))
    return found


def rules_naming(tx: Connection, organisation_id: str, channel_id: str) -> tuple[str, ...]:
    """Ids of the organisation's rules that name the channel, oldest first."""
    named = [rule for rule in rules_of(tx, [organisation_id]).get(organisation_id, ()) if channel_id in rule.channels]
    return tuple(rule.id for rule in sorted(named, key=lambda rule: (rule.created_at, rule.id)))


def _get(tx: Connection, organisation_id: str, rule_id: str, *, lock: bool = False) -> Rule:
    table = tables.alert_rule
    query = select(table).where(
        table.c.id == rule_id, table.c.organisation_id == organisation_id, table.c.deleted_at.is_(None)
    )
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NoSuchRule
    return _rule(row)


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "organisation_id": rule.organisation_id,
        "kind": rule.kind.value,
        "parameters": msgspec.json.encode(rule.parameters).decode(),
        "key_ids": None if rule.key_ids is None else msgspec.json.encode(rule.key_ids).decode(),
        "label": rule.label,
        "channels": msgspec.json.encode(rule.channels).decode(),
        "muted": rule.muted,
        "revision": rule.revision,
        "created_at": to_microseconds(rule.created_at),
    }


@functools.lru_cache(maxsize=10_000)
def _rule(row: Row[Any]) -> Rule:
    """Rules are read several times a second, and seldom change."""
    kind = Kind(row.kind)
    return Rule(
        id=row.id,
        organisation_id=row.organisation_id,
        kind=kind,
        parameters=msgspec.json.decode(row.parameters, type=PARAMETERS[kind]),
        key_ids=None if row.key_ids is None else msgspec.json.decode(row.key_ids, type=tuple[str, ...]),
        label=row.label,
        channels=msgspec.json.decode(row.channels, type=tuple[str, ...]),
        muted=row.muted,
        revision=row.revision,
        created_at=from_microseconds(row.created_at),
    )
