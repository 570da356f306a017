"""Credential of a request: the one API key that it presents, checked for its form and checksum. Looks nothing up.

A key is `grl_`, 43 base62 characters (256 random bits) and 6 more that are the CRC-32 of all before: a typing
error, or a guess, is refused without touching anything that many keys share. A key of another system that the operator
lets in has a form of its own (shared/values/key_forms.py), and no checksum.
"""

import enum
import re
from hashlib import sha256
from typing import Final
from zlib import crc32

from shared.values.base62 import ALPHABET, base62
from shared.values.frozen_struct import FrozenStruct
from shared.values.key_forms import is_foreign

PREFIX = "grl_"
BODY_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_SCHEME: Final = "Bearer "
# Two base62 digits at a time: the checksum is read back in three look-ups instead of being written anew.
_PAIRS: Final = {high + low: 62 * ALPHABET.index(high) + ALPHABET.index(low) for high in ALPHABET for low in ALPHABET}
_PAIR: Final = 62 * 62
_BODY: Final = len(PREFIX) + BODY_CHARACTERS
_SECOND: Final = _BODY + 2
_THIRD: Final = _BODY + 4
_FORM = f"{PREFIX}[0-9A-Za-z]{{{BODY_CHARACTERS + _CHECKSUM_CHARACTERS}}}"
_is_key: Final = re.compile(_FORM).fullmatch
_is_usual: Final = re.compile(f"{_SCHEME}{_FORM}").fullmatch


class Presented(FrozenStruct, frozen=True, gc=False):
    """The parts of a request that may carry a credential, as they came."""

    authorization: str | None
    query_keys: tuple[str, ...]
    address: str


class Credential(FrozenStruct, frozen=True, gc=False):
    """`digest`: SHA-256 of the secret, hexadecimal. The secret itself goes no further than here."""

    digest: str
    in_query: bool


class Guess(enum.Enum):
    """How a secret is no key of ours."""

    MALFORMED = "malformed"
    WRONG_CHECKSUM = "wrong-checksum"
    UNKNOWN = "unknown"


class NoCredential(FrozenStruct, frozen=True, gc=False):
    """Why a request presents no credential that could be a key.

    `malformed`: the request is at fault, and how: two credentials, or an Authorization header that is not `Bearer KEY`.
    `guess`: one credential, but no key. Neither: none at all, for the caller may not know that one is needed
    (RFC 6750, section 3.1).
    """

    malformed: str | None = None
    guess: Guess | None = None


_NONE: Final = NoCredential()
_TWO: Final = NoCredential(malformed="send one credential: the Authorization header or api_key, once")
_NOT_BEARER: Final = NoCredential(malformed="the Authorization header must read: Bearer KEY")


def with_checksum(body: str) -> str:
    """The whole key for `grl_` and its 43 characters."""
    return body + base62(crc32(body.encode()), _CHECKSUM_CHARACTERS)


def is_well_formed(secret: str) -> bool:
    return guess_of(secret) is None


def guess_of(secret: str) -> Guess | None:
    """How it is no key, as far as that can be seen without looking anything up; None: it may be one."""
    if _is_key(secret) is None:
        return None if is_foreign(secret) else Guess.MALFORMED
    return None if _states_checksum(secret, secret.encode()) else Guess.WRONG_CHECKSUM


def _states_checksum(key: str, encoded: bytes) -> bool:
    first, second, third = _PAIRS[key[_BODY:_SECOND]], _PAIRS[key[_SECOND:_THIRD]], _PAIRS[key[_THIRD:]]
    return (first * _PAIR + second) * _PAIR + third == crc32(encoded[:_BODY])


def digest_of(secret: str) -> str:
    """One pass of SHA-256 is enough: the secret is 256 random bits, which no dictionary holds."""
    return sha256(secret.encode()).hexdigest()


def hint_of(secret: str) -> str:
    """By which people tell secrets apart; nobody can guess one from it."""
    if is_foreign(secret):
        return hint_of_digest(digest_of(secret))
    return f"{secret[:8]}…{secret[-4:]}"


def hint_of_digest(digest: str) -> str:
    """Of a secret that another system made, which may be shorter than ours: nothing of it is shown."""
    return f"sha256:{digest[:8]}"


def hint_of_presented(presented: Presented) -> str:
    """Of a request whose credential is a key."""
    header = presented.authorization
    return hint_of((presented.query_keys[0] if header is None else _bearer(header)) or "")


def read_credential(presented: Presented) -> Credential | NoCredential:
    header, in_query = presented.authorization, presented.query_keys
    if header is None:
        if not in_query:
            return _NONE
    elif not in_query and _is_usual(header) is not None:  # as nearly every request is
        key = header[len(_SCHEME) :]
        encoded = key.encode()
        if _states_checksum(key, encoded):
            return Credential(sha256(encoded).hexdigest(), False)
    if in_query and len(in_query) + (header is not None) > 1:
        return _TWO
    secret = in_query[0] if header is None else _bearer(header)
    if secret is None:
        return _NOT_BEARER
    guess = guess_of(secret)
    if guess is not None:
        return NoCredential(guess=guess)
    return Credential(digest_of(secret), header is None)


def _bearer(header: str) -> str | None:
    """The secret of `Bearer KEY`; None: the header reads otherwise."""
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or " " in secret or "," in secret:
        return None
    return secret
