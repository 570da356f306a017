"""HTTP resources of channels: list, create, change, delete, and the routes of all that channels have."""

from dataclasses import replace

from msgspec import UNSET

from services.usage.http.problem_mapping import as_problems
from services.usage.http.usage_schema import DeletedSchema
from services.usage.notifications import channel_answers, secret_rotation
from services.usage.notifications.channel import ALERT_EVENTS, CHANNEL_PREFIX, Channel, Kind
from services.usage.notifications.channels.channel_store import (
    CHANNELS_MAX,
    ChannelInUse,
    ChannelStore,
    Namers,
    TooManyChannels,
)
from services.usage.notifications.channels.secret_encryption import SecretEncryption, new_secret
from services.usage.notifications.deliveries import delivery_resources
from services.usage.notifications.deliveries.delivery_store import when_disabled
from services.usage.notifications.deliveries.delivery_views import DeliveryViews
from services.usage.notifications.documented_webhooks import WEBHOOKS
from services.usage.notifications.schema import (
    CreateChannelBody,
    CreateNotificationChannelSchema,
    EditChannelBody,
    EditNotificationChannelSchema,
    NotificationChannelListSchema,
    NotificationChannelSchema,
    NotificationChannelWithSecretSchema,
)
from services.usage.notifications.senders.egress_guard import forbidden_target
from services.usage.notifications.settings import DeliverySettings
from shared.runtime.clock import Clock
from shared.values.identifiers import new_id
from shared.values.names import as_name
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import PageQuery, PageQuerySchema, page_answer
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import formed
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


def routes(
    channels: ChannelStore,
    namers: Namers,
    deliveries: DeliveryViews,
    encryption: SecretEncryption,
    settings: DeliverySettings,
    clock: Clock,
    still: StillAdmitted,
) -> list[Route]:
    return [
        Route("/v1/channels", ChannelCollection(channels, deliveries, encryption, settings, clock, still)),
        Route("/v1/channels/{channel_id}", ChannelItem(channels, namers, deliveries, settings, clock, still)),
        Route(
            "/v1/channels/{channel_id}/rotate-secret",
            secret_rotation.SecretRotation(channels, deliveries, encryption, clock, still),
        ),
        *delivery_resources.routes(channels, deliveries, clock, still),
    ]


def _created_before(resource: "ChannelCollection", call: Call[None, CreateChannelBody], channel_id: str) -> Answer:
    return resource.created_before(call, channel_id)


class ChannelCollection:
    webhooks = WEBHOOKS

    def __init__(
        self,
        channels: ChannelStore,
        deliveries: DeliveryViews,
        encryption: SecretEncryption,
        settings: DeliverySettings,
        clock: Clock,
        still: StillAdmitted,
    ) -> None:
        self._deliveries, self._channels, self._encryption, self._settings, self._clock = (
            deliveries,
            channels,
            encryption,
            settings,
            clock,
        )
        self._still = still

    @operation(
        "List channels", tag="Alerts", permission="admin", query=PageQuerySchema, answers=NotificationChannelListSchema
    )
    def on_get(self, call: Call[PageQuery, None]) -> Answer:
        channels, place = self._channels.page(call.caller.organisation_id, call.query.limit, call.query.after(int, str))
        held = self._deliveries.held([channel.id for channel in channels])
        return page_answer(
            (channel_answers.shown(channel, held.get(channel.id, 0)) for channel in channels), place, call.query
        )

    @operation(
        "Create a channel, of 20 at most; a webhook's secret is shown only once",
        tag="Alerts",
        permission="admin",
        body=CreateNotificationChannelSchema,
        answers=NotificationChannelWithSecretSchema,
        status=201,
        problems=("conflict",),
        repeated=_created_before,
    )
    def on_post(self, call: Call[None, CreateChannelBody]) -> Answer:
        body, secret = call.body, new_secret() if call.body.kind is Kind.WEBHOOK else None
        target = body.url if body.kind is Kind.WEBHOOK else body.address
        _check_target(body.kind, target or "", self._settings)
        channel = Channel(
            id=new_id(CHANNEL_PREFIX.rstrip("_")),
            organisation_id=call.caller.organisation_id,
            kind=body.kind,
            target=target or "",
            own_name=None if body.name is None else formed(body.name, None, as_name, "name"),
            events=_distinct(body.events) if body.events else ALERT_EVENTS,
            sealed_secret=None if secret is None else self._encryption.seal(secret),
            created_at=self._clock.now(),
        )
        try:
            self._channels.add(channel, self._still.check_of(call))
        except TooManyChannels:
            detail = f"the organisation already has {CHANNELS_MAX} channels, the most it may have: delete one first"
            raise Problem("conflict", detail) from None
        return channel_answers.created(channel, secret)

    def created_before(self, call: Call[None, CreateChannelBody], channel_id: str) -> Answer:
        return channel_answers.created(channel_answers.find(self._channels, call, channel_id), None)


class ChannelItem:
    def __init__(
        self,
        channels: ChannelStore,
        namers: Namers,
        deliveries: DeliveryViews,
        settings: DeliverySettings,
        clock: Clock,
        still: StillAdmitted,
    ) -> None:
        self._channels, self._namers, self._deliveries = channels, namers, deliveries
        self._settings, self._clock, self._still = settings, clock, still

    @operation(
        "Show a channel", tag="Alerts", permission="admin", answers=NotificationChannelSchema, problems=("not-found",)
    )
    def on_get(self, call: Call[None, None], channel_id: str) -> Answer:
        channel = channel_answers.find(self._channels, call, channel_id)
        return channel_answers.answer(channel, self._deliveries)

    @operation(
        "Change a channel, or enable it again",
        tag="Alerts",
        permission="admin",
        body=EditNotificationChannelSchema,
        answers=NotificationChannelSchema,
        problems=("not-found",),
        conditional=True,
    )
    def on_patch(self, call: Call[None, EditChannelBody], channel_id: str) -> Answer:
        with as_problems():
            channel = self._channels.change(
                call.caller.organisation_id,
                channel_id,
                lambda channel: self._edited(channel, call.body),
                call.seen,
                self._still.check_of(call),
                lambda tx, disabled: when_disabled(tx, disabled, self._clock.now()),
            )
        return channel_answers.answer(channel, self._deliveries)

    @operation(
        "Delete a channel that no rule names; its unfinished deliveries fail",
        tag="Alerts",
        permission="admin",
        answers=DeletedSchema,
        problems=("not-found", "in-use"),
        conditional=True,
    )
    def on_delete(self, call: Call[None, None], channel_id: str) -> Answer:
        organisation_id, deleted_at, check = call.caller.organisation_id, self._clock.now(), self._still.check_of(call)
        try:
            with as_problems():
                self._channels.delete(organisation_id, channel_id, deleted_at, call.seen, check, self._namers)
        except ChannelInUse as refusal:
            detail = f"alert rules name this channel: {refusal}"
            raise Problem("in-use", detail, members={"rules": list(refusal.rules)}) from None
        return Answer(body={"id": channel_id, "deleted_at": deleted_at})

    def _edited(self, channel: Channel, body: EditChannelBody) -> Channel:
        """Raises Problem."""
        check_fixed(body.fixed, channel)
        target = body.url if channel.kind is Kind.WEBHOOK else body.address
        other, name = (body.address, "address") if channel.kind is Kind.WEBHOOK else (body.url, "url")
        if other is not UNSET:
            _refuse(name, "does not apply to a channel of this kind")
        if target is not UNSET and target != channel.target:
            _check_target(channel.kind, target, self._settings)
            channel = replace(channel, target=target)
        if body.name is None:
            channel = replace(channel, own_name=None)
        elif body.name is not UNSET and body.name != channel.name:
            channel = replace(channel, own_name=formed(body.name, None, as_name, "name"))
        if body.events is not UNSET:
            channel = replace(channel, events=_distinct(body.events) if body.events else ALERT_EVENTS)
        if body.disabled is True and channel.disabled_at is None:
            channel = replace(channel, disabled_at=self._clock.now(), disabled_reason="disabled by the organisation")
        if body.disabled is False:
            channel = replace(channel, disabled_at=None, disabled_reason=None)
        return channel


def _check_target(kind: Kind, target: str, settings: DeliverySettings) -> None:
    """Checks a target without resolving names. Raises Problem."""
    if kind is Kind.EMAIL and settings.mail is None:
        _refuse("address", "this installation cannot send email: no SMTP server is configured")
    if kind is Kind.WEBHOOK and (fault := forbidden_target(target, settings.outgoing)) is not None:
        _refuse("url", fault)


def _refuse(member: str, message: str) -> None:
    raise Problem("invalid-body", members={"errors": {f"/{member}": [message]}})


def _distinct(events: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))
