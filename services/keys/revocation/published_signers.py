"""Published signers: the public halves of all keys that ever signed receipts, as `/.well-known/grillo-keys` shows them.

A JWK set (RFC 7517, RFC 8037). Kept for ever: a receipt is checked long after its key was replaced.
"""

from typing import Any

from sqlalchemy import select

from services.keys import tables
from shared.replication.proof.receipt_proof import base64url, thumbprint
from shared.replication.proof.signatures import Signer, Verifier
from shared.runtime.clock import Clock
from shared.sql.database import Database, upsert
from shared.values.timestamps import rfc3339

VERSION = 1


class PublishedSigners:
    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, signer: Signer, clock: Clock) -> None:
        """Called by each process that signs, before it does."""
        key = {"id": thumbprint(signer.public_key), "public_key": signer.public_key}
        with self._database.transaction() as tx:
            statement = upsert(tx, tables.signing_key).on_conflict_do_nothing()
            tx.execute(statement, key | {"first_used_at": rfc3339(clock.now())})

    def verifier(self, signer: str) -> Verifier | None:
        """What believes the key of that thumbprint; None: it is none of ours."""
        table = tables.signing_key
        with self._database.reading(once=True) as tx:
            key = tx.execute(select(table.c.public_key).where(table.c.id == signer)).scalar_one_or_none()
        return Verifier([key]) if key is not None and thumbprint(key) == signer else None

    def document(self) -> dict[str, Any]:
        table = tables.signing_key
        with self._database.reading(once=True) as tx:
            rows = tx.execute(select(table).order_by(table.c.first_used_at, table.c.id)).all()
        keys = [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url(row.public_key),
                "kid": row.id,
                "use": "sig",
                "first_used_at": row.first_used_at,
            }
            for row in rows
        ]
        return {"version": VERSION, "keys": keys}
