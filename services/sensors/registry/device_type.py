"""Device types: what the product calls its devices, found in what others write of an instrument. Pure."""

import re

DEVICE_TYPES = ("grillo-one", "grillo-pulse")
_NAMED = re.compile(r"\bgrillo[\s_-]*(one|pulse)\b", re.IGNORECASE)


def device_type(*texts: str | None) -> str | None:
    """The one that they name, however it is spelt; None: none, or several. Other makers' instruments have no type."""
    found = {f"grillo-{match[1].lower()}" for text in texts if text for match in _NAMED.finditer(text)}
    return found.pop() if len(found) == 1 else None
