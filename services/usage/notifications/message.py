"""Message to a channel: `{"type", "timestamp", "data"}` as in Standard Webhooks, with ids and hints, never names.

The text is made once: it is what is signed and sent, also when it is sent again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.usage.notifications.channel import DISABLED_EVENT, EXPORT_FAILED, EXPORT_READY, TEST_EVENT, Channel
from shared.contracts.api_terms import facts
from shared.contracts.envelope import CloudEvent
from shared.contracts.sensors import ExportEnded
from shared.values.timestamps import rfc3339

MESSAGE_OF_EVENT = "msg_{:.32}"  # of the hash of the event's row


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`id`: the same for the same event, so that each channel gets it once."""

    id: str
    type: str
    payload: str


def of_event(event: CloudEvent, hint: str | None) -> Message:
    """Message about an event of the log of keys, in the words of the API.

    Its id is from the row's hash: unique even after a restore.
    """
    data = facts(event.data or {})
    if "key_id" in data:
        data.setdefault("hint", hint)
        data["revision"] = event.revision
    data["actor"] = event.actor
    return Message(
        id=MESSAGE_OF_EVENT.format(event.hash), type=event.type, payload=payload(event.type, event.time, data)
    )


def of_test(message_id: str, channel_id: str, at: datetime) -> Message:
    return Message(id=message_id, type=TEST_EVENT, payload=payload(TEST_EVENT, at, {"channel_id": channel_id}))


def of_disabled(channel: Channel, at: datetime) -> Message:
    """For the other channels. Without the target: a URL's path may be a secret."""
    data = {
        "organisation_id": channel.organisation_id,
        "channel_id": channel.id,
        "kind": channel.kind.value,
        "name": channel.name,
        "disabled_at": rfc3339(at),
        "disabled_reason": channel.disabled_reason,
    }
    id_ = f"msg_{channel.id.partition('_')[2]}_disabled_{channel.revision}"
    return Message(id=id_, type=DISABLED_EVENT, payload=payload(DISABLED_EVENT, at, data))


def of_export(ended: ExportEnded, hint: str | None) -> Message:
    """Message about an export that ended. `file`: the path of its download, which needs a key as any request does."""
    data: dict[str, Any] = {
        "export_id": ended.export_id,
        "organisation_id": ended.organisation_id,
        "key_id": ended.key_id,
        "hint": hint,
        "format": ended.format,
    }
    if ended.fault is None:
        type_, path = EXPORT_READY, f"/v1/exports/{ended.export_id}/file"
        expires_at = None if ended.expires_at is None else rfc3339(ended.expires_at)
        data |= {"file": path, "bytes": ended.bytes, "sha256": ended.sha256, "expires_at": expires_at}
    else:
        type_, data = EXPORT_FAILED, data | {"fault": ended.fault}
    id_ = f"msg_{ended.export_id.partition('_')[2]}_ended"
    return Message(id=id_, type=type_, payload=payload(type_, ended.finished_at, data))


def payload(type_: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": type_, "timestamp": rfc3339(at), "data": data}).decode()
