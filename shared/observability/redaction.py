"""Redaction: whatever looks like an API key is cut out of every string that is logged, recorded or echoed.

So is the token of a link that signs in to the console (`grc_`), and a key of another system that an operator lets in.
"""

import re

from shared.values.key_forms import without_foreign

# A key that follows another without a space is a second match: its "grl_" does not belong to the first.
_SECRET = re.compile(r"(gr[lc]_)(?:(?!gr[lc]_)[0-9A-Za-z]){16,}")
_REPLACEMENT = r"\1[redacted]"


def redact(text: str) -> str:
    """The text with every key, and every part of one with 16 characters or more after its prefix, replaced."""
    # First what has more letters: ours would take the prefix of one that follows it, and leave the rest.
    cut = without_foreign(text, _REPLACEMENT)
    return _SECRET.sub(_REPLACEMENT, cut) if "grl_" in cut or "grc_" in cut else cut
