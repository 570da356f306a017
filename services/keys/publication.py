"""Publication: turns stored events into the public ones, without names, descriptions, labels and notes."""

import msgspec

from services.keys import events
from shared.contracts import keys as public

# Not published: descriptions, and a setting that only this service acts on.
_PRIVATE = (events.KeyDescribed, events.UnusedExpiryChanged)


def publish(event: events.KeyEvent | events.OrganisationEvent) -> public.KeysEvent | None:
    """The public event of the same name, which has no field for what stays private; None: not published."""
    if isinstance(event, _PRIVATE):
        return None
    return msgspec.convert(event, type=public.SHAPES[type(event).__name__], from_attributes=True)
