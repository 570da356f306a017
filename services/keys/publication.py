"""Publication: turns stored events into the public ones, without names, descriptions, labels and notes."""

from dataclasses import replace

import msgspec

from services.keys import events
from shared.contracts import keys as public

# Not published: descriptions, settings that only this service acts on, and an operator's reason; of a restore followers
# need no more than that it happened.
_PRIVATE = (events.KeyDescribed, events.UnusedExpiryChanged, events.LifetimesChanged, events.LogEvent)


def publish(event: events.KeyEvent | events.OrganisationEvent | events.LogEvent) -> public.KeysEvent | None:
    """The public event of the same name, which has no field for what stays private; None: not published."""
    if isinstance(event, _PRIVATE):
        return None
    if isinstance(event, events.KeyExpiryNear):
        return _expiry_near(event)
    return msgspec.convert(event, type=public.SHAPES[type(event).__name__], from_attributes=True)


def _expiry_near(event: events.KeyExpiryNear) -> public.KeyExpiryNear:
    """The private event's `days_left` is the threshold that was crossed, perhaps a while after."""
    shape = msgspec.convert(event, type=public.KeyExpiryNear, from_attributes=True)
    left = (event.expires_at - event.warned_at).days
    return replace(shape, days_left=left, threshold_days=event.days_left)
