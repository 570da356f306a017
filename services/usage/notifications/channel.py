"""A channel: where an organisation wants to be told, and of which events. Pure."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from shared.contracts.keys import KeyEvent, TierChanged

CHANNEL_PREFIX = "chn_"
ALERT_EVENTS = ("AlertRaised", "AlertResolved")
LIFECYCLE_EVENTS = (*sorted(shape.__name__ for shape in get_args(KeyEvent)), TierChanged.__name__)
EVENTS = (*ALERT_EVENTS, *LIFECYCLE_EVENTS)
TEST_EVENT = "ChannelTested"  # every channel takes it, for its owner asked


class Kind(enum.StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`target`: a URL, or an address for mail. `sealed_previous_secret` signs beside the other until `previous_until`.

    `disabled_at`: since when nothing is sent to it, because `disabled_reason`.
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
        return self.disabled_at is None and (type_ in self.events or type_ == TEST_EVENT)

    def sealed_secrets(self, now: datetime) -> tuple[str, ...]:
        """Those that sign now, the newest first."""
        signing = [self.sealed_secret]
        if self.previous_until is not None and now < self.previous_until:
            signing.append(self.sealed_previous_secret)
        return tuple(secret for secret in signing if secret is not None)
