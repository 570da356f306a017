"""HTTP resource that gives a webhook channel a new secret."""

from datetime import timedelta

from services.usage.http.problem_mapping import as_problems
from services.usage.notifications import channel_answers
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.secret_encryption import SecretEncryption, new_secret
from services.usage.notifications.deliveries.delivery_views import DeliveryViews
from services.usage.notifications.schema import (
    NotificationChannelWithSecretSchema,
    RotateSecretBody,
    RotateSecretSchema,
)
from shared.runtime.clock import Clock, ClockInDoubt
from shared.values.revision import SeenRevisions
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.still_admitted import StillAdmitted


def _rotated_before(resource: "SecretRotation", call: Call[None, RotateSecretBody], channel_id: str) -> Answer:
    return resource.rotated_before(call, channel_id)


class SecretRotation:
    def __init__(
        self,
        channels: ChannelStore,
        deliveries: DeliveryViews,
        encryption: SecretEncryption,
        clock: Clock,
        still: StillAdmitted,
    ) -> None:
        self._channels, self._deliveries, self._encryption = channels, deliveries, encryption
        self._clock, self._still = clock, still

    @operation(
        "Give a webhook a new secret, shown only once; the previous one also signs for a while",
        tag="Alerts",
        permission="admin",
        body=RotateSecretSchema,
        answers=NotificationChannelWithSecretSchema,
        problems=("not-found", "conflict", "clock-in-doubt"),
        conditional=True,
        repeated=_rotated_before,
    )
    def on_post(self, call: Call[None, RotateSecretBody], channel_id: str) -> Answer:
        secret, overlap = new_secret(), timedelta(seconds=call.body.overlap_seconds)
        sealed = self._encryption.seal(secret)

        def rotated(channel: Channel) -> Channel:
            if channel.kind is not Kind.WEBHOOK:
                raise Problem("conflict", "only webhook channels have a secret: email is not signed")
            if overlap and self._clock.is_contradicted():
                raise ClockInDoubt
            return channel.with_new_secret(sealed, self._clock.now(), overlap, instead=call.body.instead)

        present = channel_answers.find(self._channels, call, channel_id).revision
        call.seen.check(present)
        # Of two rotations at once the later must fail, or the first one's secret, which was told, would end unseen.
        seen, check = SeenRevisions(frozenset({present})), self._still.check_of(call)
        with as_problems():
            return self._answer(
                self._channels.change(call.caller.organisation_id, channel_id, rotated, seen, check), secret
            )

    def rotated_before(self, call: Call[None, RotateSecretBody], channel_id: str) -> Answer:
        return self._answer(channel_answers.find(self._channels, call, channel_id), None)

    def _answer(self, channel: Channel, secret: str | None) -> Answer:
        shown = channel_answers.shown(channel, self._deliveries.held_for(channel.id))
        return channel_answers.with_secret(shown, channel.revision, secret)
