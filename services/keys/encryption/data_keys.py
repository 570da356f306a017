"""Store of data keys, one for each API key: deleting one is crypto-shredding of the texts encrypted under it.

Not a read model: it cannot be rebuilt from the log.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from services.keys import tables
from services.keys.encryption.description import seal_note
from shared.sql.database import Database

_READ = select(tables.data_key.c.value).where(tables.data_key.c.key_id == bindparam("key_id"))
_KEEP = insert(tables.data_key)


class DataKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key_id: str) -> str | None:
        """None: there never was such a key, or it was deleted."""
        with self._database.reading(once=True) as tx:
            return read(tx, key_id)

    def sealed_note(self, key_id: str, note: str | None) -> str | None:
        """The note encrypted under the key's data key. None without a note or a data key."""
        data_key = None if note is None else self.get(key_id)
        return None if note is None or data_key is None else seal_note(note, data_key)


def read(tx: Connection, key_id: str) -> str | None:
    return tx.execute(_READ, {"key_id": key_id}).scalar_one_or_none()


def keep(tx: Connection, of_keys: Mapping[str, str]) -> None:
    """`of_keys`: key id → data key."""
    tx.execute(_KEEP, [{"key_id": key_id, "value": value} for key_id, value in of_keys.items()])


def destroy(tx: Connection, key_id: str) -> None:
    tx.execute(delete(tables.data_key).where(tables.data_key.c.key_id == key_id))
