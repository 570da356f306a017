"""Lifecycle of alerts: raised once, kept open while the rule is met, resolved when it is over.

The events to publish (outbox) and the deliveries to channels are written in the same transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from services.usage import tables as usage_tables
from services.usage.alerting import tables
from services.usage.alerting.alerts.alert import Alert, alerts
from services.usage.alerting.alerts.facts import Met
from services.usage.alerting.alerts.notice import of_alert
from services.usage.alerting.rules.rule import Kind
from services.usage.alerting.rules.rule_store import rules_of
from services.usage.notifications.deliveries.delivery_store import OutgoingMessage, enqueue_deliveries
from shared.contracts.usage import AlertRaised, AlertResolved
from shared.sql.database import upsert
from shared.sql.in_values import in_values
from shared.values.identifiers import new_id
from shared.values.timestamps import from_microseconds, to_microseconds

KEPT_UP_BY = timedelta(minutes=1)  # an end that moves by less is not written
_PAGE = 500
Place = tuple[str, str, str]  # rule, key, fact


def find_open_alerts(tx: Connection, key_ids: Iterable[str]) -> dict[Place, datetime]:
    """The open alerts of these keys: (rule, key, fact) → when it ends unless the rule is met again."""
    table = tables.alert
    query = select(table.c.rule_id, table.c.key_id, table.c.fact, table.c.ends_at)
    query = query.where(in_values(tx, table.c.key_id, list(key_ids)), table.c.resolved_at.is_(None))
    rows = tx.execute(query.order_by(table.c.ends_at))
    return {(row.rule_id, row.key_id, row.fact): from_microseconds(row.ends_at) for row in rows}


def raise_or_keep_up(tx: Connection, met: Sequence[Met], now: datetime) -> int:
    """Raises alerts, or moves the end of open ones. Answers how many were raised.

    An alert that is open, or was raised in the same period, is not raised again. `met`: in order of time for each key.
    """
    if not met:
        return 0
    open_alerts = find_open_alerts(tx, {one.key_id for one in met})
    raised: dict[Place, list[dict[str, object]]] = {}
    for one in met:
        place = (one.rule.id, one.key_id, one.fact)
        ends_at = open_alerts.get(place)
        if ends_at is None or one.facts.at > ends_at:
            raised.setdefault(place, []).append(_row(one, now))
        elif one.ends_at < ends_at + KEPT_UP_BY:
            continue
        elif place in raised:
            raised[place][-1]["ends_at"] = to_microseconds(one.ends_at)
        else:
            _keep_up(tx, place, ends_at, one.ends_at)
        open_alerts[place] = one.ends_at
    if not raised:
        return 0
    table = tables.alert
    statement = upsert(tx, table).on_conflict_do_nothing().returning(table)
    rows = tx.execute(statement, [row for of_one in raised.values() for row in of_one]).all()
    _announce(tx, alerts(rows), now)
    return len(rows)


def resolve_over(tx: Connection, now: datetime) -> int:
    """Resolves a page of alerts whose end has passed; the next call takes the rest. Answers how many."""
    table = tables.alert
    query = select(table).where(table.c.resolved_at.is_(None), table.c.ends_at <= to_microseconds(now))
    return _resolve(tx, tx.execute(query.limit(_PAGE).with_for_update(skip_locked=True)).all(), now)


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
    query = select(table.c.key_id, table.c.hint).where(
        in_values(tx, table.c.key_id, {alert.key_id for alert in unmuted})
    )
    hints = {row.key_id: row.hint for row in tx.execute(query)}
    channels = {
        rule.id: rule.channels
        for rules in rules_of(tx, {alert.organisation_id for alert in unmuted}).values()
        for rule in rules
    }
    enqueue_deliveries(
        tx, [_message(alert, hints.get(alert.key_id), channels.get(alert.rule_id, ())) for alert in unmuted], now
    )


def _message(alert: Alert, hint: str | None, channels: tuple[str, ...]) -> OutgoingMessage:
    message = of_alert(alert, hint)
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


def _row(one: Met, now: datetime) -> dict[str, object]:
    return {
        "id": new_id("alr"),
        "rule_id": one.rule.id,
        "kind": one.rule.kind.value,
        "organisation_id": one.rule.organisation_id,
        "key_id": one.key_id,
        "fact": one.fact,
        "period": one.period,
        "facts": msgspec.json.encode(one.facts).decode(),
        "muted": one.rule.muted,
        "raised_at": to_microseconds(now),
        "ends_at": to_microseconds(one.ends_at),
        "resolved_at": None,
    }


def _keep_up(tx: Connection, place: Place, before: datetime, ends_at: datetime) -> None:
    table, (rule_id, key_id, fact) = tables.alert, place
    same = (table.c.rule_id == rule_id, table.c.key_id == key_id, table.c.fact == fact)
    is_open = (table.c.resolved_at.is_(None), table.c.ends_at == to_microseconds(before))
    tx.execute(update(table).where(*same, *is_open).values(ends_at=to_microseconds(ends_at)))
