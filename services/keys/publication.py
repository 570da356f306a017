"""What of the keys service's events others may see: no names, no descriptions, no labels, no notes."""

import msgspec

from services.keys import events
from shared.contracts import keys as public

# Nobody else's business: words, and a setting that only this service acts on.
_PRIVATE = (events.KeyDescribed, events.UnusedExpiryChanged)


def publish(event: events.KeyEvent | events.OrganisationEvent) -> public.KeysEvent | None:
    """The public shape of the same name, which has no field for what is not to be told."""
    if isinstance(event, _PRIVATE):
        return None
    return msgspec.convert(event, type=public.SHAPES[type(event).__name__], from_attributes=True)
