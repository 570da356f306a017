"""Random ids with a prefix that names their kind (`key_3nBq…`). Made at the edge; the core takes them as arguments."""

import secrets

from shared.values.base62 import base62

_CHARACTERS = 22  # 128 bits


def new_id(prefix: str) -> str:
    """Such as `key_3nBq…`: 128 random bits in base62."""
    return f"{prefix}_{base62(secrets.randbits(128), _CHARACTERS)}"
