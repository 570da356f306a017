"""Webhook secrets: made here, shown once, and stored sealed under a key that is not in the database."""

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_PREFIX = "whsec_"  # noqa: S105  what every one of them begins with
_SECRET_BYTES, _KEY_BYTES = 32, 32


class SecretEncryption:
    """`keys`: long random texts. The first seals, all unseal: so that one can be replaced by another."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_fernet_key(text)) for text in keys])

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Raises cryptography.fernet.InvalidToken when it was sealed under none of the keys."""
        return self._fernet.decrypt(sealed).decode()


def new_secret() -> str:
    """As Standard Webhooks writes them: 256 random bits in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _fernet_key(text: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"grillo channel secrets").derive(
        text.encode()
    )
    return base64.urlsafe_b64encode(derived)
