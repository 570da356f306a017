"""Encryption of webhook secrets (Fernet), under keys that are not in the database; and the making of new secrets."""

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_PREFIX = "whsec_"  # noqa: S105  a prefix, not a secret
_SECRET_BYTES, _KEY_BYTES = 32, 32


class SecretEncryption:
    """`keys`: long random texts. The first encrypts, all decrypt, so that a key can be replaced."""

    def __init__(self, keys: Sequence[str]) -> None:
        each = [Fernet(_fernet_key(text)) for text in keys]
        self._newest, self._fernet = each[0], MultiFernet(each)

    def seal(self, secret: str) -> str:
        """Encrypts a secret."""
        return self._fernet.encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Decrypts a secret. Raises cryptography.fernet.InvalidToken when it was encrypted under none of the keys."""
        return self._fernet.decrypt(sealed).decode()

    def reseal(self, sealed: str) -> str | None:
        """Encrypts a sealed secret under the first key; None: it is already. Raises InvalidToken as `unseal` does."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return self._fernet.rotate(sealed).decode()
        return None


def new_secret() -> str:
    """A new secret in the form of Standard Webhooks: whsec_ and 256 random bits in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _fernet_key(text: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"grillo channel secrets").derive(
        text.encode()
    )
    return base64.urlsafe_b64encode(derived)
