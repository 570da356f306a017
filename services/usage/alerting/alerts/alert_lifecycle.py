"""Lifecycle of alerts: raised once, kept open while the rule is met, resolved when it is over.

The events to publish (outbox) and the deliveries to channels are written in the same transaction.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, or_, select, update

from services.usage import tables as usage_tables
from services.usage.alerting import tables
from services.usage.alerting.alerts.alert import Alert, alerts
from services.usage.alerting.alerts.facts import Met, family_and_level
from services.usage.alerting.alerts.notice import KeyFacts, of_alert
from services.usage.alerting.rules.rule import Kind, Rule, by_precedence, channels_told
from services.usage.alerting.rules.rule_store import rules_of
from services.usage.notifications.deliveries.delivery_store import OutgoingMessage, enqueue_deliveries
from shared.contracts.usage import AlertRaised, AlertResolved
from shared.sql.clocks.due import beyond
from shared.sql.database import upsert
from shared.sql.in_values import in_values, is_wanted, listed
from shared.values.identifiers import new_id
from shared.values.timestamps import from_microseconds, to_microseconds

KEPT_UP_BY = timedelta(minutes=1)  # an end that moves by less is not written
LASTS_MAX = timedelta(days=1)  # the end of what requests met, from the request on
_OF_EXPIRIES = (Kind.KEY_EXPIRING.value, Kind.KEY_UNUSED.value)
_PAGE = 500
_COLUMNS = tables.alert.c
# Made once, for it is asked each second. Of an open alert. An expiry may be far ahead; any other end that is would keep
# new alerts back until then.
_IS_FAR_AHEAD = and_(*(_COLUMNS.kind != kind for kind in _OF_EXPIRIES), _COLUMNS.ends_at > bindparam("beyond"))
_IS_OVER = and_(_COLUMNS.resolved_at.is_(None), or_(_COLUMNS.ends_at <= bindparam("now"), _IS_FAR_AHEAD))
_FIRST_OVER = select(_COLUMNS.id).where(_IS_OVER).limit(1)
_OVER = select(tables.alert).where(_IS_OVER).limit(_PAGE).with_for_update(skip_locked=True)
Family = tuple[str, str, str]  # kind, key, family


class OpenAlerts:
    """Open alerts of some keys, by family and level: when each ends unless its rule is met again."""

    def __init__(self) -> None:
        self._ends: dict[Family, dict[int, datetime]] = {}

    def end(self, family: Family, level: int) -> datetime | None:
        return self._ends.get(family, {}).get(level)

    def covering(self, family: Family, level: int) -> datetime | None:
        """The latest end of those at the level or a higher one, which stand for it, too."""
        return max((end for other, end in self._ends.get(family, {}).items() if other >= level), default=None)

    def keys(self, kind: Kind) -> set[str]:
        """Those that have an open alert of the kind."""
        return {key_id for of_kind, key_id, _ in self._ends if of_kind == kind.value}

    def note(self, family: Family, level: int, ends_at: datetime) -> None:
        self._ends.setdefault(family, {})[level] = ends_at


def find_open_alerts(tx: Connection, key_ids: Iterable[str]) -> OpenAlerts:
    found, dialect = OpenAlerts(), tx.dialect.name
    for row in tx.execute(_open_of(dialect), {"wanted": listed(dialect, key_ids)}):
        family, level = family_and_level(Kind(row.kind), row.fact)
        found.note((row.kind, row.key_id, family), level, from_microseconds(row.ends_at))
    return found


@functools.cache
def _open_of(dialect: str) -> Select[Any]:
    query = select(_COLUMNS.kind, _COLUMNS.key_id, _COLUMNS.fact, _COLUMNS.ends_at)
    return query.where(is_wanted(dialect, _COLUMNS.key_id), _COLUMNS.resolved_at.is_(None)).order_by(_COLUMNS.ends_at)


def raise_or_keep_up(tx: Connection, met: Sequence[Met], now: datetime) -> int:
    """Raises alerts, or moves the end of open ones. Answers how many were raised.

    One fact is one alert, however many rules it meets and thresholds it passes at once. An alert that is open, or was
    raised in the same period, is not raised again. `met`: in order of time for each key.
    """
    if not met:
        return 0
    open_alerts, highest = find_open_alerts(tx, {one.key_id for one in met}), _raised_before(tx, met)
    raised: dict[tuple[Family, int], list[dict[str, object]]] = {}
    for (family, period, at), together in _facts(met).items():
        new: list[Met] = []
        for one in together:
            ends_at = open_alerts.end(family, one.level)
            covered_until = open_alerts.covering(family, one.level)
            if covered_until is None or at > covered_until:
                new += [one] if one.level > highest.get((family, period), -1) else []
            elif ends_at is not None and one.ends_at >= ends_at + KEPT_UP_BY:
                if (family, one.level) in raised:
                    raised[family, one.level][-1]["ends_at"] = to_microseconds(one.ends_at)
                else:
                    _keep_up(tx, one, ends_at)
                open_alerts.note(family, one.level, one.ends_at)
        if new:
            top = max(new, key=lambda one: one.level)
            raised.setdefault((family, top.level), []).append(_row(top, [one.rule for one in new], now))
            open_alerts.note(family, top.level, top.ends_at)
            highest[family, period] = top.level
    if not raised:
        return 0
    table = tables.alert
    statement = upsert(tx, table).on_conflict_do_nothing().returning(table)
    rows = tx.execute(statement, [row for of_one in raised.values() for row in of_one]).all()
    _announce(tx, alerts(rows), now)
    return len(rows)


def _facts(met: Iterable[Met]) -> dict[tuple[Family, str, datetime], list[Met]]:
    """(family, period, moment) → what was met by the one fact, in order of time for each key."""
    found: dict[tuple[Family, str, datetime], list[Met]] = {}
    for one in met:
        found.setdefault(((one.rule.kind.value, one.key_id, one.family), one.period, one.facts.at), []).append(one)
    return found


def _raised_before(tx: Connection, met: Iterable[Met]) -> dict[tuple[Family, str], int]:
    """(family, period) → the highest level of what was raised in it, over or not."""
    table = tables.alert
    keys, periods = {one.key_id for one in met}, {one.period for one in met}
    query = select(table.c.kind, table.c.key_id, table.c.fact, table.c.period)
    query = query.where(in_values(tx, table.c.key_id, keys), in_values(tx, table.c.period, periods))
    found: dict[tuple[Family, str], int] = {}
    for row in tx.execute(query):
        family, level = family_and_level(Kind(row.kind), row.fact)
        place = ((row.kind, row.key_id, family), row.period)
        found[place] = max(level, found.get(place, -1))
    return found


def is_any_over(tx: Connection, now: datetime) -> bool:
    """Whether there is anything for `resolve_over`."""
    return tx.execute(_FIRST_OVER, _moments(now)).first() is not None


def resolve_over(tx: Connection, now: datetime) -> int:
    """Resolves a page of alerts whose end has passed; the next call takes the rest. Answers how many."""
    return _resolve(tx, tx.execute(_OVER, _moments(now)).all(), now)


def _moments(now: datetime) -> dict[str, int]:
    return {"now": to_microseconds(now), "beyond": to_microseconds(beyond(now, LASTS_MAX))}


def resolve_of_keys(tx: Connection, key_ids: Iterable[str], kinds: Iterable[Kind], now: datetime) -> int:
    """Resolves the open alerts of these keys and kinds at once, whatever their end. Answers how many."""
    table = tables.alert
    keys = list(key_ids)
    if not keys:
        return 0
    query = select(table).where(
        in_values(tx, table.c.key_id, keys),
        table.c.resolved_at.is_(None),
        table.c.kind.in_([kind.value for kind in kinds]),
    )
    return _resolve(tx, tx.execute(query.with_for_update()).all(), now)


def _resolve(tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> int:
    if not rows:
        return 0
    table = tables.alert
    statement = update(table).where(table.c.id.in_([row.id for row in rows]), table.c.resolved_at.is_(None))
    tx.execute(statement.values(resolved_at=to_microseconds(now)))
    _announce(tx, tuple(replace(alert, resolved_at=now) for alert in alerts(rows)), now)
    return len(rows)


def _announce(tx: Connection, changed: Sequence[Alert], now: datetime) -> None:
    if not changed:
        return
    events = [
        {"type": type(event).__name__, "body": msgspec.json.encode(event).decode()} for event in map(_event, changed)
    ]
    tx.execute(insert(tables.announcement), events)
    unmuted = [alert for alert in changed if not alert.muted]
    if not unmuted:
        return
    table = usage_tables.known_key
    query = select(table.c.key_id, table.c.hint, table.c.revision).where(
        in_values(tx, table.c.key_id, {alert.key_id for alert in unmuted})
    )
    keys = {row.key_id: KeyFacts(hint=row.hint, revision=row.revision) for row in tx.execute(query)}
    own = rules_of(tx, {alert.organisation_id for alert in unmuted}).values()
    known = {rule.id: rule for rules in own for rule in rules}
    messages = []
    for alert in unmuted:
        told = channels_told([known[rule_id] for rule_id in alert.rule_ids if rule_id in known])
        messages.append(_message(alert, keys.get(alert.key_id), told))
    enqueue_deliveries(tx, messages, now)


def _message(alert: Alert, key: KeyFacts | None, channels: tuple[str, ...]) -> OutgoingMessage:
    message = of_alert(alert, key or KeyFacts())
    return OutgoingMessage(
        organisation_id=alert.organisation_id,
        message_id=message.id,
        type=message.type,
        key_id=alert.key_id,
        payload=message.payload,
        only_to=channels,
    )


def _event(alert: Alert) -> AlertRaised | AlertResolved:
    facts = {
        "alert_id": alert.id,
        "rule_id": alert.rule_id,
        "kind": alert.kind,
        "organisation_id": alert.organisation_id,
        "key_id": alert.key_id,
        "raised_at": alert.raised_at,
        "muted": alert.muted,
    }
    if alert.resolved_at is None:
        return msgspec.convert(facts, type=AlertRaised)
    return msgspec.convert(facts | {"resolved_at": alert.resolved_at}, type=AlertResolved)


def _row(one: Met, rules: Iterable[Rule], now: datetime) -> dict[str, object]:
    """`rules`: those that the fact meets."""
    met = by_precedence(rules)
    return {
        "id": new_id("alr"),
        "rule_id": met[0].id,
        "rule_ids": msgspec.json.encode([rule.id for rule in met]).decode(),
        "kind": one.rule.kind.value,
        "organisation_id": one.rule.organisation_id,
        "key_id": one.key_id,
        "fact": one.fact,
        "period": one.period,
        "facts": msgspec.json.encode(one.facts).decode(),
        "muted": all(rule.muted for rule in met),
        "raised_at": to_microseconds(now),
        "ends_at": to_microseconds(one.ends_at),
        "resolved_at": None,
    }


def _keep_up(tx: Connection, one: Met, before: datetime) -> None:
    table = tables.alert
    same = (table.c.kind == one.rule.kind.value, table.c.key_id == one.key_id, table.c.fact == one.fact)
    is_open = (table.c.resolved_at.is_(None), table.c.ends_at == to_microseconds(before))
    tx.execute(update(table).where(*same, *is_open).values(ends_at=to_microseconds(one.ends_at)))
