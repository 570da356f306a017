"""Folded texts: what is compared when keys are searched or sorted, without regard to case and to typed accents."""

import unicodedata


def folded(text: str) -> str:
    """Case-folded, in Unicode's composed form (NFC) before and after: folding may take a text out of that form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
