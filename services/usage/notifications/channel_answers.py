"""Answers that show a channel, without its encrypted secrets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from services.usage.http.problem_mapping import as_problems
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.deliveries.delivery_views import DeliveryViews
from shared.web.operation import Answer, Call

_ONCE = {"Cache-Control": "no-store"}


def find(channels: ChannelStore, call: Call[Any, Any], channel_id: str) -> Channel:
    """Raises Problem."""
    with as_problems():
        return channels.get(call.caller.organisation_id, channel_id)


def answer(channel: Channel, deliveries: DeliveryViews) -> Answer:
    return Answer(body=shown(channel, deliveries.held_for(channel.id)), revision=channel.revision)


def created(channel: Channel, secret: str | None) -> Answer:
    headers = {"Location": f"/v1/channels/{channel.id}"}
    return with_secret(shown(channel, 0), channel.revision, secret, status=201, headers=headers)


def with_secret(
    shown: dict[str, Any],
    revision: int,
    secret: str | None,
    *,
    status: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """`secret`: shown this once; None: it was shown before, or there is none."""
    body = shown | {"secret": secret}
    return Answer(status=status, body=body, headers={**headers, **_ONCE}, revision=revision, shown=shown)


def shown(channel: Channel, held: int) -> dict[str, Any]:
    """The body of an answer, without the encrypted secrets. `held`: how many deliveries are."""
    whole: dict[str, Any] = msgspec.to_builtins(channel)
    target = "url" if channel.kind is Kind.WEBHOOK else "address"
    names = ("id", "kind", "events", "disabled_at", "disabled_reason", "revision", "created_at")
    body = {name: whole[name] for name in names}
    body |= {"name": channel.name, target: channel.target, "held": held}
    return body | {"previous_secret_until": whole["previous_until"]}
