"""Tokens of the console: one-time links, session ids, and what forms carry against forged requests (CSRF).

Links and session ids are 256 random bits; only their SHA-256 digests are stored. What a form carries is made from the
session's id and masked anew each time it is written, so that no compressed page tells it (BREACH).
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from shared.values.base62 import base62

LINK_PREFIX = "grc_"
_CHARACTERS = 43
_LINK = re.compile(rf"{LINK_PREFIX}[0-9A-Za-z]{{{_CHARACTERS}}}")
_SESSION = re.compile(rf"[0-9A-Za-z]{{{_CHARACTERS}}}")
_FORM_BYTES = 32
_FORM = re.compile(rf"[0-9a-f]{{{4 * _FORM_BYTES}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`value` stays out of the repr, so that no traceback or log can show it."""

    value: str = field(repr=False)
    digest: str


def new_link() -> Token:
    return _token(LINK_PREFIX + _random())


def new_session() -> Token:
    return _token(_random())


def link_digest(text: str) -> str | None:
    """None: it has not the form of a link's token."""
    return _digest(text) if _LINK.fullmatch(text) else None


def session_digest(text: str) -> str | None:
    """None: it has not the form of a session's id."""
    return _digest(text) if _SESSION.fullmatch(text) else None


def form_token(session_id: str) -> str:
    """What a form of this session carries; another text each time."""
    mask = secrets.token_bytes(_FORM_BYTES)
    return (mask + _xor(mask, _of_session(session_id))).hex()


def is_form_token(text: str, session_id: str) -> bool:
    if not _FORM.fullmatch(text):
        return False
    given = bytes.fromhex(text)
    return hmac.compare_digest(_xor(given[:_FORM_BYTES], given[_FORM_BYTES:]), _of_session(session_id))


def _of_session(session_id: str) -> bytes:
    return hmac.digest(session_id.encode(), b"grillo console form", "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


def _random() -> str:
    return base62(secrets.randbits(256), _CHARACTERS)


def _token(value: str) -> Token:
    return Token(value=value, digest=_digest(value))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
