"""Published signers: the public halves of all keys that a service ever signed receipts and heads of its log with.

A JWK set (RFC 7517, RFC 8037). Kept for ever: what was signed is checked long after its key was replaced.
"""

import base64
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from shared.replication.proof.receipt_proof import base64url, thumbprint
from shared.replication.proof.signatures import Signer, Verifier
from shared.runtime.clock import Clock
from shared.sql.database import Database, upsert
from shared.values.timestamps import rfc3339

VERSION = 1


def signing_key_table(metadata: MetaData) -> Table:
    """`id`: the thumbprint of RFC 7638."""
    return Table(
        "signing_key",
        metadata,
        Column("id", String(43), primary_key=True),
        Column("public_key", String(44), nullable=False),
        Column("first_used_at", String(27), nullable=False),
    )


class PublishedSigners:
    def __init__(self, database: Database, table: Table) -> None:
        self._database, self._table = database, table
        self._verifiers: dict[str, Verifier] = {}

    def publish(self, signer: Signer, clock: Clock) -> None:
        """Called by each process that signs, before it does."""
        key = {"id": thumbprint(signer.public_key), "public_key": signer.public_key}
        with self._database.transaction(urgent=True) as tx:
            statement = upsert(tx, self._table).on_conflict_do_nothing()
            tx.execute(statement, key | {"first_used_at": rfc3339(clock.now())})

    def verifier(self, signer: str) -> Verifier | None:
        """What believes the key of that thumbprint; None: not a key of ours."""
        known = self._verifiers.get(signer)
        if known is None:
            with self._database.reading(once=True) as tx:
                public_key = read_public_keys(tx, self._table).get(signer)
            if public_key is not None:
                known = self._verifiers[signer] = Verifier([public_key])
        return known

    def document(self) -> dict[str, Any]:
        table = self._table
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


def read_public_keys(tx: Connection, table: Table) -> dict[str, str]:
    """Thumbprint → 32 bytes in base64. The thumbprint is computed: what the row calls a key does not matter."""
    if not inspect(tx).has_table(table.name):
        return {}
    return {thumbprint(key): key for key in tx.execute(select(table.c.public_key)).scalars() if _is_base64(key)}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
