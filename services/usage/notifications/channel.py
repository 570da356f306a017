"""Channel: a webhook or an email address of an organisation, and the event types it takes. Pure.

While it is disabled, what it takes is held for it. Its organisation's other channels are told that it is disabled.
"""

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args
from urllib.parse import urlsplit

from shared.contracts.keys import KeyEvent, TierChanged

CHANNEL_PREFIX = "chn_"
RAISED = "AlertRaised"
ALERT_EVENTS = (RAISED, "AlertResolved")
LIFECYCLE_EVENTS = (*sorted(shape.__name__ for shape in get_args(KeyEvent)), TierChanged.__name__)
EXPORT_READY, EXPORT_FAILED = "ExportReady", "ExportFailed"
DISABLED_EVENT = "channel-disabled"  # each channel that takes AlertRaised takes it, too
EVENTS = (*ALERT_EVENTS, *LIFECYCLE_EVENTS, EXPORT_READY, EXPORT_FAILED, DISABLED_EVENT)
TEST_EVENT = "ChannelTested"  # every channel takes it: its owner asked for it


class Kind(enum.StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`target`: a URL or an email address. `sealed_…`: encrypted; the previous one also signs until `previous_until`.

    `own_name` None: it is called by its host. `disabled_at`: since when nothing is sent to it; `disabled_reason`: why.
    """

    id: str
    organisation_id: str
    kind: Kind
    target: str
    events: tuple[str, ...]
    own_name: str | None = None
    sealed_secret: str | None = None
    sealed_previous_secret: str | None = None
    previous_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    revision: int = 1
    created_at: datetime

    def takes(self, type_: str) -> bool:
        """Whether an event of this type is for the channel: sent to it, or held while it is disabled."""
        return type_ in self.events or type_ == TEST_EVENT or (type_ == DISABLED_EVENT and RAISED in self.events)

    @property
    def name(self) -> str:
        """What its organisation calls it; by default the host of its target, which unlike a path is no secret."""
        if self.own_name is not None:
            return self.own_name
        if self.kind is Kind.EMAIL:
            return self.target.rpartition("@")[2]
        return urlsplit(self.target).hostname or self.id

    def sealed_secrets(self, now: datetime) -> tuple[str, ...]:
        """The encrypted secrets that sign now, newest first."""
        signing = [self.sealed_secret]
        if self.is_overlapping(now):
            signing.append(self.sealed_previous_secret)
        return tuple(secret for secret in signing if secret is not None)

    def is_overlapping(self, now: datetime) -> bool:
        return self.previous_until is not None and now < self.previous_until

    def with_new_secret(self, sealed: str, now: datetime, overlap: timedelta, *, instead: bool = False) -> "Channel":
        """`instead`: of the newest, which ends; the one before signs on as it did. Else the newest, for `overlap`."""
        if instead and self.is_overlapping(now):
            return replace(self, sealed_secret=sealed)
        if instead or not overlap:
            return replace(self, sealed_secret=sealed, sealed_previous_secret=None, previous_until=None)
        return replace(
            self, sealed_secret=sealed, sealed_previous_secret=self.sealed_secret, previous_until=now + overlap
        )
