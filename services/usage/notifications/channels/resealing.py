"""Re-encryption of all webhook secrets under the newest key, so that the key before can be forgotten."""

from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from sqlalchemy import Connection, Row, select, update

from services.usage.notifications.channels.secret_encryption import SecretEncryption
from services.usage.notifications.tables import channel
from shared.sql.database import Database

_PAGE_ROWS = 500
_SEALED = ("sealed_secret", "sealed_previous_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """`secrets`: how many were encrypted anew. `unreadable`: channels with one that no key decrypts; they are left."""

    secrets: int
    unreadable: tuple[str, ...]


def reseal(database: Database, encryption: SecretEncryption) -> Resealed:
    """Safe to run at any time and again. What a service changes meanwhile is locked for a page's transaction only."""
    secrets, unreadable, after = 0, list[str](), ""
    while True:
        with database.transaction() as tx:
            page = select(channel).where(channel.c.id > after).order_by(channel.c.id).limit(_PAGE_ROWS)
            rows = tx.execute(page.with_for_update()).all()
            for row in rows:
                try:
                    secrets += _reseal(tx, row, encryption)
                except InvalidToken:
                    unreadable.append(row.id)
        if not rows:
            return Resealed(secrets=secrets, unreadable=tuple(unreadable))
        after = rows[-1].id


def _reseal(tx: Connection, row: Row[tuple[object, ...]], encryption: SecretEncryption) -> int:
    """Raises InvalidToken, and then changes neither of its secrets. The revision stays, as nothing shown changes."""
    sealed = {name: row._mapping[name] for name in _SEALED if row._mapping[name] is not None}
    again = {name: encryption.reseal(text) for name, text in sealed.items()}
    changed = {name: text for name, text in again.items() if text is not None}
    if changed:
        tx.execute(update(channel).where(channel.c.id == row.id).values(changed))
    return len(changed)
