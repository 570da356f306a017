"""Message to a channel: `{"type", "timestamp", "data"}` as in Standard Webhooks, with ids and hints, never names.

The text is made once: it is what is signed and sent, also when it is sent again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.usage.notifications.channel import TEST_EVENT
from shared.contracts.envelope import CloudEvent
from shared.values.timestamps import rfc3339

# Members left out: gates recognise a secret by its digest, and nobody else needs it.
_UNSAID = ("digest",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id`: the same for the same event, so that each channel gets it once."""

    id: str
    type: str
    payload: str


def of_event(event: CloudEvent, hint: str | None) -> Message:
    """Message about an event of the log of keys. Its id is from the row's hash: unique even after a restore."""
    data = {name: value for name, value in (event.data or {}).items() if name not in _UNSAID}
    if "key_id" in data:
        data.setdefault("hint", hint)
    return Message(id=f"msg_{event.hash[:32]}", type=event.type, payload=payload(event.type, event.time, data))


def of_test(message_id: str, channel_id: str, at: datetime) -> Message:
    return Message(id=message_id, type=TEST_EVENT, payload=payload(TEST_EVENT, at, {"channel_id": channel_id}))


def payload(type_: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": type_, "timestamp": rfc3339(at), "data": data}).decode()
