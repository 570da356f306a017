"""API key secrets: random value, SHA-256 digest and hint.

The value exists in one answer and in the caller's hands; everything else here knows only its digest and hint.
"""

import secrets
from dataclasses import dataclass, field

from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, digest_of, hint_of, with_checksum
from shared.values.base62 import base62


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """`value` stays out of the repr, so that no traceback or log can show it."""

    value: str = field(repr=False)
    digest: str
    hint: str


def new_secret() -> Secret:
    """256 random bits."""
    value = with_checksum(PREFIX + base62(secrets.randbits(256), BODY_CHARACTERS))
    return Secret(value=value, digest=digest_of(value), hint=hint_of(value))
