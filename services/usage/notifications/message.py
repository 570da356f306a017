"""What a channel is sent: `{"type", "timestamp", "data"}` as Standard Webhooks has it. Ids and hints, nobody's words.

The text is made once; what is signed and sent, also by a redelivery, is that text.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.usage.notifications.channel import TEST_EVENT
from shared.contracts.envelope import CloudEvent
from shared.values.timestamps import rfc3339

# Gates recognise a secret by it; nobody else needs it.
_UNSAID = ("digest",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id`: the same for the same event, so that it is told once to each channel."""

    id: str
    type: str
    payload: str


def of_event(event: CloudEvent, hint: str | None) -> Message:
    """Of the log of keys. The id is the hash of its row: a restored log's other event at the same place is another."""
    data = {name: value for name, value in (event.data or {}).items() if name not in _UNSAID}
    if "key_id" in data:
        data.setdefault("hint", hint)
    return Message(id=f"msg_{event.hash[:32]}", type=event.type, payload=payload(event.type, event.time, data))


def of_test(message_id: str, channel_id: str, at: datetime) -> Message:
    return Message(id=message_id, type=TEST_EVENT, payload=payload(TEST_EVENT, at, {"channel_id": channel_id}))


def payload(type_: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": type_, "timestamp": rfc3339(at), "data": data}).decode()
