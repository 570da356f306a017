"""The keys there are, followed from the log of keys: so that usage is shown to their own organisation only."""

from sqlalchemy import Connection, delete, insert, select, update

from services.usage import erasure, tables
from shared.contracts.decoding import decode
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES, KeyCreated, KeyDeleted, KeyRotated
from shared.database import Database

FOLLOWER = "usage.known_keys"


def apply(tx: Connection, event: CloudEvent) -> None:
    """Safe to run twice. What a deleted key's callers revealed of themselves goes with it; the counters stay."""
    public = decode(event, SHAPES)
    table = tables.known_key
    match public:
        case KeyCreated() if not _is_known(tx, public.key_id):
            values = {"key_id": public.key_id, "organisation_id": public.organisation_id, "hint": public.hint}
            tx.execute(insert(table).values(values))
        case KeyRotated():
            tx.execute(update(table).where(table.c.key_id == public.key_id).values(hint=public.hint))
        case KeyDeleted():
            tx.execute(delete(table).where(table.c.key_id == public.key_id))
            erasure.erase(tx, public.key_id)
        case _:
            pass


def reset(tx: Connection) -> None:
    tx.execute(delete(tables.known_key))
    erasure.reset(tx)


class KnownKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def belongs_to(self, key_id: str, organisation_id: str) -> bool:
        table = tables.known_key
        query = select(table.c.key_id).where(table.c.key_id == key_id, table.c.organisation_id == organisation_id)
        with self._database.reading() as tx:
            return tx.execute(query).first() is not None


def _is_known(tx: Connection, key_id: str) -> bool:
    table = tables.known_key
    return tx.execute(select(table.c.key_id).where(table.c.key_id == key_id)).first() is not None
