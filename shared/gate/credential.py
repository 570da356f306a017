"""Which secret a request presents, if it presents exactly one that could be a key. Looks nothing up.

A key is `grl_`, 43 base62 characters (256 random bits) and 6 more that are the CRC-32 of all before: a typing
error, or a guess, is refused without touching anything that many keys share.
"""

import enum
from hashlib import sha256
from zlib import crc32

import msgspec

PREFIX = "grl_"
BODY_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_BODY_END = len(PREFIX) + BODY_CHARACTERS
_KEY_CHARACTERS = _BODY_END + _CHECKSUM_CHARACTERS
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Two base62 digits at a time: the checksum is read back in three look-ups instead of being written anew.
_PAIRS = {high + low: 62 * _ALPHABET.index(high) + _ALPHABET.index(low) for high in _ALPHABET for low in _ALPHABET}
_PAIR = 62 * 62
_SCHEME = "Bearer "
_SCHEME_AND_PREFIX = _SCHEME + PREFIX


# Structs where one is made for each request: as frozen as a dataclass, and made several times faster.
class Presented(msgspec.Struct, frozen=True, gc=False):
    """The parts of a request that may carry a credential, as they came."""

    authorization: str | None
    query_keys: tuple[str, ...]
    address: str


class Credential(msgspec.Struct, frozen=True, gc=False):
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
    return body + base62(crc32(body.encode()), _CHECKSUM_CHARACTERS)


def is_well_formed(secret: str) -> bool:
    return guess_of(secret) is None


def guess_of(secret: str) -> Guess | None:
    """How it is no key, as far as that can be seen without looking anything up; None: it may be one."""
    if not (
        len(secret) == _KEY_CHARACTERS
        and secret.startswith(PREFIX)
        and secret.isascii()
        and secret[len(PREFIX) :].isalnum()
    ):
        return Guess.MALFORMED
    stated = (_PAIRS[secret[-6:-4]] * _PAIR + _PAIRS[secret[-4:-2]]) * _PAIR + _PAIRS[secret[-2:]]
    return None if stated == crc32(secret[:_BODY_END].encode()) else Guess.WRONG_CHECKSUM


def digest_of(secret: str) -> str:
    """One pass of SHA-256 is enough: the secret is 256 random bits, which no dictionary holds."""
    return sha256(secret.encode()).hexdigest()


def read_credential(presented: Presented) -> Credential:
    """Raises CredentialMissing, CredentialMalformed or CredentialInvalid."""
    header, in_query = presented.authorization, presented.query_keys
    if header is None and not in_query:
        raise CredentialMissing
    if in_query and len(in_query) + (header is not None) > 1:
        raise CredentialMalformed("send one credential: the Authorization header or api_key, once")
    secret = in_query[0] if header is None else _bearer(header)
    guess = guess_of(secret)
    if guess is not None:
        raise CredentialInvalid(guess)
    return Credential(sha256(secret.encode()).hexdigest(), header is None)


def _bearer(header: str) -> str:
    if header.startswith(_SCHEME_AND_PREFIX) and len(header) == len(_SCHEME) + _KEY_CHARACTERS:
        secret = header[len(_SCHEME) :]
        if "," not in secret and " " not in secret:
            return secret  # as nearly every header is
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or " " in secret or "," in secret:
        raise CredentialMalformed("the Authorization header must read: Bearer KEY")
    return secret
