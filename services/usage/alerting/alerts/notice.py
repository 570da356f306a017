"""Message about an alert for channels: that it was raised, or that it was resolved."""

from dataclasses import dataclass
from typing import Any

import msgspec

from services.usage.alerting.alerts.alert import Alert
from services.usage.notifications.channel import ALERT_EVENTS
from services.usage.notifications.message import Message, payload
from shared.values.timestamps import rfc3339

_RAISED, _RESOLVED = ALERT_EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """The key of an alert as it is known now; None: it is not, for it was deleted."""

    hint: str | None = None
    revision: int | None = None


def of_alert(alert: Alert, key: KeyFacts) -> Message:
    """AlertRaised while the alert is open, else AlertResolved."""
    type_ = _RAISED if alert.resolved_at is None else _RESOLVED
    data: dict[str, Any] = {
        "alert_id": alert.id,
        "rule_id": alert.rule_id,
        "rule_ids": alert.rule_ids,
        "kind": alert.kind,
        "organisation_id": alert.organisation_id,
        "key_id": alert.key_id,
        "hint": key.hint,
        "revision": key.revision,
        "facts": msgspec.to_builtins(alert.facts),
        "raised_at": rfc3339(alert.raised_at),
    }
    if alert.resolved_at is not None:
        data["resolved_at"] = rfc3339(alert.resolved_at)
    stage = "raised" if alert.resolved_at is None else "resolved"
    at = alert.resolved_at or alert.raised_at
    return Message(id=f"msg_{alert.id.partition('_')[2]}_{stage}", type=type_, payload=payload(type_, at, data))
