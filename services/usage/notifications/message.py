"""What a channel is sent: `{"type", "timestamp", "data"}` as Standard Webhooks has it. Ids and hints, nobody's words.

The text is made once; what is signed and sent, also by a redelivery, is that text.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.usage.alerting.alerts.alert import Alert
from services.usage.notifications.channel import ALERT_EVENTS, TEST_EVENT
from shared.contracts.envelope import CloudEvent
from shared.values.timestamps import rfc3339

_RAISED, _RESOLVED = ALERT_EVENTS
# Gates recognise a secret by it; nobody else needs it.
_UNSAID = ("digest",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id`: the same for the same event, so that it is told once to each channel."""

    id: str
    type: str
    payload: str


def of_alert(alert: Alert, hint: str | None) -> Message:
    """That it was raised, or that it is over."""
    type_ = _RAISED if alert.resolved_at is None else _RESOLVED
    data: dict[str, Any] = {
        "alert_id": alert.id,
        "rule_id": alert.rule_id,
        "kind": alert.kind,
        "organisation_id": alert.organisation_id,
        "key_id": alert.key_id,
        "key_hint": hint,
        "facts": msgspec.to_builtins(alert.facts),
        "raised_at": rfc3339(alert.raised_at),
    }
    if alert.resolved_at is not None:
        data["resolved_at"] = rfc3339(alert.resolved_at)
    stage = "raised" if alert.resolved_at is None else "resolved"
    at = alert.resolved_at or alert.raised_at
    return Message(id=f"msg_{alert.id.partition('_')[2]}_{stage}", type=type_, payload=_payload(type_, at, data))


def of_event(event: CloudEvent, hint: str | None) -> Message:
    """Of the log of keys. The id is the hash of its row: a restored log's other event at the same place is another."""
    data = {name: value for name, value in (event.data or {}).items() if name not in _UNSAID}
    if "key_id" in data:
        data.setdefault("hint", hint)
    return Message(id=f"msg_{event.hash[:32]}", type=event.type, payload=_payload(event.type, event.time, data))


def of_test(message_id: str, channel_id: str, at: datetime) -> Message:
    return Message(id=message_id, type=TEST_EVENT, payload=_payload(TEST_EVENT, at, {"channel_id": channel_id}))


def _payload(type_: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": type_, "timestamp": rfc3339(at), "data": data}).decode()
