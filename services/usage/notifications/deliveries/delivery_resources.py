"""HTTP resources of deliveries: list, show, send again; test a channel, and replay what is held for it."""

from typing import Any

from services.usage.http.problem_mapping import as_problems
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.deliveries.delivery_views import CannotBeSent, DeliveryViews
from services.usage.notifications.delivery import Status
from services.usage.notifications.schema import (
    DeliveryListSchema,
    DeliveryQuery,
    DeliveryQuerySchema,
    DeliverySchema,
    EmptyBodySchema,
    ReplayBody,
    ReplayedSchema,
    ReplaySchema,
)
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


def routes(channels: ChannelStore, deliveries: DeliveryViews, clock: Clock, still: StillAdmitted) -> list[Route]:
    return [
        Route("/v1/channels/{channel_id}/test", ChannelTest(channels, deliveries, clock, still)),
        Route("/v1/channels/{channel_id}/replay", ChannelReplay(deliveries, clock, still)),
        Route("/v1/deliveries", DeliveryCollection(deliveries)),
        Route("/v1/deliveries/{delivery_id}", DeliveryItem(deliveries)),
        Route("/v1/deliveries/{delivery_id}/redeliver", Redelivery(deliveries, clock, still)),
    ]


def _sent_before(resource: "ChannelTest | Redelivery", call: Call[None, None], delivery_id: str) -> Answer:
    return resource.shown(call, delivery_id)


class ChannelTest:
    def __init__(self, channels: ChannelStore, deliveries: DeliveryViews, clock: Clock, still: StillAdmitted) -> None:
        self._channels, self._deliveries, self._clock, self._still = channels, deliveries, clock, still

    @operation(
        "Send a test message; the answer is its delivery, which is still to be sent",
        tag="Alerts",
        permission="admin",
        body=EmptyBodySchema,
        answers=DeliverySchema,
        status=202,
        problems=("not-found", "conflict"),
        conditional=True,
        repeated=_sent_before,
    )
    def on_post(self, call: Call[None, None], channel_id: str) -> Answer:
        with as_problems():
            channel = self._channels.get(call.caller.organisation_id, channel_id)
            if channel.disabled_at is not None:
                raise Problem("conflict", "the channel is disabled: enable it first")
            delivery_id = self._deliveries.test(channel, self._clock.now(), call.seen, self._still.check_of(call))
        return self.shown(call, delivery_id)

    def shown(self, call: Call[Any, Any], delivery_id: str) -> Answer:
        with as_problems():
            return Answer(status=202, body=self._deliveries.get(call.caller.organisation_id, delivery_id))


def _replayed_before(resource: "ChannelReplay", call: Call[None, ReplayBody], channel_id: str) -> Answer:
    return resource.answer(channel_id, 0)


class ChannelReplay:
    def __init__(self, deliveries: DeliveryViews, clock: Clock, still: StillAdmitted) -> None:
        self._deliveries, self._clock, self._still = deliveries, clock, still

    @operation(
        "Send what was held while the channel was disabled, under the same webhook-ids",
        tag="Alerts",
        permission="admin",
        body=ReplaySchema,
        answers=ReplayedSchema,
        status=202,
        problems=("not-found", "conflict"),
        repeated=_replayed_before,
    )
    def on_post(self, call: Call[None, ReplayBody], channel_id: str) -> Answer:
        organisation_id, now, check = call.caller.organisation_id, self._clock.now(), self._still.check_of(call)
        try:
            with as_problems():
                replayed = self._deliveries.replay(organisation_id, channel_id, call.body.since, now, check)
        except CannotBeSent as refusal:
            raise Problem("conflict", str(refusal)) from None
        return self.answer(channel_id, replayed)

    def answer(self, channel_id: str, replayed: int) -> Answer:
        held = self._deliveries.held_for(channel_id)
        return Answer(status=202, body={"id": channel_id, "replayed": replayed, "held": held})


class DeliveryCollection:
    def __init__(self, deliveries: DeliveryViews) -> None:
        self._deliveries = deliveries

    @operation(
        "List deliveries, newest first",
        tag="Alerts",
        permission="admin",
        query=DeliveryQuerySchema,
        answers=DeliveryListSchema,
    )
    def on_get(self, call: Call[DeliveryQuery, None]) -> Answer:
        query = call.query
        found, place = self._deliveries.page(
            call.caller.organisation_id,
            query.limit,
            query.after(int, str),
            channel_id=query.channel_id,
            status=None if query.status is None else Status(query.status),
        )
        return page_answer(found, place, query)


class DeliveryItem:
    def __init__(self, deliveries: DeliveryViews) -> None:
        self._deliveries = deliveries

    @operation("Show a delivery", tag="Alerts", permission="admin", answers=DeliverySchema, problems=("not-found",))
    def on_get(self, call: Call[None, None], delivery_id: str) -> Answer:
        with as_problems():
            return Answer(body=self._deliveries.get(call.caller.organisation_id, delivery_id))


class Redelivery:
    def __init__(self, deliveries: DeliveryViews, clock: Clock, still: StillAdmitted) -> None:
        self._deliveries, self._clock, self._still = deliveries, clock, still

    @operation(
        "Send a delivery again, under the same webhook-id",
        tag="Alerts",
        permission="admin",
        body=EmptyBodySchema,
        answers=DeliverySchema,
        status=202,
        problems=("not-found", "conflict"),
        repeated=_sent_before,
    )
    def on_post(self, call: Call[None, None], delivery_id: str) -> Answer:
        organisation_id = call.caller.organisation_id
        try:
            with as_problems():
                self._deliveries.send_again(organisation_id, delivery_id, self._clock.now(), self._still.check_of(call))
        except CannotBeSent as refusal:
            raise Problem("conflict", str(refusal)) from None
        return self.shown(call, delivery_id)

    def shown(self, call: Call[Any, Any], delivery_id: str) -> Answer:
        with as_problems():
            return Answer(status=202, body=self._deliveries.get(call.caller.organisation_id, delivery_id))
