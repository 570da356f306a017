"""Channel: a webhook or an email address of an organisation, and the event types it takes. Pure."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from shared.contracts.keys import KeyEvent, TierChanged

CHANNEL_PREFIX = "chn_"
ALERT_EVENTS = ("AlertRaised", "AlertResolved")
LIFECYCLE_EVENTS = (*sorted(shape.__name__ for shape in get_args(KeyEvent)), TierChanged.__name__)
EVENTS = (*ALERT_EVENTS, *LIFECYCLE_EVENTS)
TEST_EVENT = "ChannelTested"  # every channel takes it: its owner asked for it


class Kind(enum.StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`target`: a URL or an email address. `sealed_…`: encrypted; the previous one also signs until `previous_until`.

    `disabled_at`: since when nothing is sent to it; `disabled_reason`: why.
    """

    id: str
    organisation_id: str
    kind: Kind
    target: str
    events: tuple[str, ...]
    sealed_secret: str | None = None
    sealed_previous_secret: str | None = None
    previous_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    revision: int = 1
    created_at: datetime

    def takes(self, type_: str) -> bool:
        """Whether an event of this type is sent to the channel."""
        return self.disabled_at is None and (type_ in self.events or type_ == TEST_EVENT)

    def sealed_secrets(self, now: datetime) -> tuple[str, ...]:
        """The encrypted secrets that sign now, newest first."""
        signing = [self.sealed_secret]
        if self.previous_until is not None and now < self.previous_until:
            signing.append(self.sealed_previous_secret)
        return tuple(secret for secret in signing if secret is not None)
