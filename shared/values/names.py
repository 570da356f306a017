"""Names that people give, as they are kept: NFC, and nothing that cannot be seen (RFC 8264, FreeformClass).

Control, invisible and bidirectional formatting characters make one name look like another, so they are refused.
"""

import unicodedata

from precis_i18n import get_profile

_PROFILE = get_profile("OpaqueString")


class NotAName(ValueError):
    """The text is blank, or holds what cannot be seen. Says which."""


def as_name(text: str) -> str:
    """The name without space around it. Raises NotAName."""
    text = text.strip()
    if not text:
        raise NotAName("must not be blank")
    return visible(text)


def visible(text: str) -> str:
    """The text in NFC. Raises NotAName."""
    try:
        return _PROFILE.enforce(text) if text else text
    except UnicodeError:
        raise NotAName("must not contain control, invisible or text direction characters") from None


def composed(text: str) -> str:
    """The text in NFC, which makes equal what looks equal."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """The text as searches and orders compare it: whatever its case and its form."""
    return composed(composed(text).casefold())
