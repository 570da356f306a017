"""Which secret a request presents, if it presents exactly one that could be a key. Looks nothing up.

A key is `grl_`, 43 base62 characters (256 random bits) and 6 more that are the CRC-32 of all before: a typing
error, or a guess, is refused without touching anything that many keys share.
"""

import enum
import hashlib
import re
import zlib
from dataclasses import dataclass

PREFIX = "grl_"
BODY_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"grl_[0-9A-Za-z]{49}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """The parts of a request that may carry a credential, as they came."""

    authorization: str | None
    query_keys: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Credential:
    """`digest`: SHA-256 of the secret, hexadecimal. The secret itself goes no further than here."""

    digest: str
    in_query: bool


class Guess(enum.Enum):
    """How a secret is no key of ours."""

    MALFORMED = "malformed"
    WRONG_CHECKSUM = "wrong-checksum"
    UNKNOWN = "unknown"


class CredentialMissing(Exception):
    """No credential at all: the caller may not know that one is needed (RFC 6750, section 3.1)."""


class CredentialMalformed(Exception):
    """The request is at fault: two credentials, or an Authorization header that is not `Bearer KEY`."""


class CredentialInvalid(Exception):
    """One credential, but no key: another format, or a wrong checksum."""

    def __init__(self, guess: Guess) -> None:
        super().__init__(guess.value)
        self.guess = guess


def base62(number: int, characters: int) -> str:
    """Big-endian, zero-padded. Raises OverflowError when the number needs more characters."""
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    if number:
        raise OverflowError(f"needs more than {characters} base62 characters")
    return "".join(reversed(digits))


def with_checksum(body: str) -> str:
    """The whole key for `grl_` and its 43 characters."""
    return body + base62(zlib.crc32(body.encode()), _CHECKSUM_CHARACTERS)


def is_well_formed(secret: str) -> bool:
    if _KEY.fullmatch(secret) is None:
        return False
    return with_checksum(secret[:-_CHECKSUM_CHARACTERS]) == secret


def digest_of(secret: str) -> str:
    """One pass of SHA-256 is enough: the secret is 256 random bits, which no dictionary holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read_credential(presented: Presented) -> Credential:
    """Raises CredentialMissing, CredentialMalformed or CredentialInvalid."""
    header, in_query = presented.authorization, presented.query_keys
    if header is None and not in_query:
        raise CredentialMissing
    if len(in_query) + (header is not None) > 1:
        raise CredentialMalformed("send one credential: the Authorization header or api_key, once")
    secret = in_query[0] if header is None else _bearer(header)
    if not is_well_formed(secret):
        raise CredentialInvalid(Guess.WRONG_CHECKSUM if _KEY.fullmatch(secret) else Guess.MALFORMED)
    return Credential(digest=digest_of(secret), in_query=header is None)


def _bearer(header: str) -> str:
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or " " in secret or "," in secret:
        raise CredentialMalformed("the Authorization header must read: Bearer KEY")
    return secret
