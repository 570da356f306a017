"""Redaction: whatever looks like an API key is cut out of every string that is logged, recorded or echoed."""

import re

# A key that follows another without a space is a second match: its "grl_" does not belong to the first.
_SECRET = re.compile(r"grl_(?:(?!grl_)[0-9A-Za-z]){16,}")
_REPLACEMENT = "grl_[redacted]"


def redact(text: str) -> str:
    """The text with every key, and every part of one with 16 characters or more after `grl_`, replaced."""
    return _SECRET.sub(_REPLACEMENT, text) if "grl_" in text else text
