"""Encryption of a key's description: its name, description and labels, under a data key of that API key's own.

Events and commands hold the encrypted text in a field called `words`, a name that the stored events fix. Destroying
the data key makes every copy unreadable for ever, in logs and backups too (crypto-shredding). Fernet (AES-128-CBC
with HMAC-SHA-256) from the cryptography library.
"""

from dataclasses import dataclass, field

import msgspec
from cryptography.fernet import Fernet


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    name: str
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def new_data_key() -> str:
    return Fernet.generate_key().decode()


def seal(description: Description, data_key: str) -> str:
    return Fernet(data_key).encrypt(msgspec.json.encode(description)).decode()


def unseal(sealed: str, data_key: str) -> Description:
    """Raises cryptography.fernet.InvalidToken when the data key is another."""
    return msgspec.json.decode(Fernet(data_key).decrypt(sealed), type=Description)


def unseal_note(sealed: str, data_key: str) -> str:
    """Raises cryptography.fernet.InvalidToken when the data key is another."""
    return Fernet(data_key).decrypt(sealed).decode()


def seal_note(note: str, data_key: str) -> str:
    return Fernet(data_key).encrypt(note.encode()).decode()
