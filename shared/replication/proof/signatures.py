"""Ed25519 signatures (RFC 8032) with a purpose each: what was signed for one purpose proves nothing for another."""

import base64
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES, SIGNATURE_BYTES = 32, 64
VERIFY_KEYS_MAX = 2


class KeyMalformed(Exception):
    """The text is not a key. It is not quoted: it may be secret."""


class Verifier:
    """Believes one or two signers: two while a key is replaced."""

    def __init__(self, public_keys: Sequence[str]) -> None:
        """`public_keys`: 32 bytes each, in base64. Raises KeyMalformed."""
        if not 1 <= len(public_keys) <= VERIFY_KEYS_MAX:
            raise KeyMalformed(f"there must be 1 to {VERIFY_KEYS_MAX} keys")
        self._keys = [Ed25519PublicKey.from_public_bytes(_key_bytes(key)) for key in public_keys]

    def verifies(self, purpose: bytes, message: bytes, signature: str) -> bool:
        """Whether one of the signers signed this message for this purpose. `signature`: base64, or anything."""
        try:
            given = base64.b64decode(signature, validate=True)
        except ValueError:
            return False
        if len(given) != SIGNATURE_BYTES or base64.b64encode(given).decode() != signature:
            return False  # base64 has spare bits: one signature, one text
        return any(_is_of(key, given, purpose, message) for key in self._keys)


class Signer:
    """Signs with one private key."""

    def __init__(self, private_key: str) -> None:
        """`private_key`: 32 bytes in base64. Raises KeyMalformed."""
        self._key = Ed25519PrivateKey.from_private_bytes(_key_bytes(private_key))
        # 32 bytes in base64: what followers are given to verify by.
        self.public_key = base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, purpose: bytes, message: bytes) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._key.sign(_signed(purpose, message))).decode()


def new_private_key() -> str:
    """A random private key, 32 bytes in base64."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def _signed(purpose: bytes, message: bytes) -> bytes:
    """A purpose holds no zero byte, so no two pairs make the same bytes."""
    return purpose + b"\0" + message


def _is_of(key: Ed25519PublicKey, signature: bytes, purpose: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, _signed(purpose, message))
    except InvalidSignature:
        return False
    return True


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyMalformed(f"a key is {KEY_BYTES} bytes in base64")
    return key
