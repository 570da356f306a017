"""Redaction: whatever looks like an API key is cut out of every string that is logged, recorded or echoed."""

import re

# One that follows another without a space is one of its own: its "grl" is not the end of the one before.
_SECRET = re.compile(r"grl_(?:(?!grl_)[0-9A-Za-z]){16,}")
_REPLACEMENT = "grl_[redacted]"


def redact(text: str) -> str:
    """The text with every key, and every piece of one long enough to matter, replaced."""
    return _SECRET.sub(_REPLACEMENT, text) if "grl_" in text else text
