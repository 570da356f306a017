"""Read model of digests: of every secret that there is or ever was, whosever. By it no secret is imported twice."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from services.keys import tables
from shared.sql.database import upsert
from shared.sql.in_values import in_values


def keep(tx: Connection, digests: Collection[str]) -> None:
    tx.execute(upsert(tx, tables.known_digest).on_conflict_do_nothing(), [{"digest": digest} for digest in digests])


def known(tx: Connection, digests: Collection[str]) -> frozenset[str]:
    """Those of them that a key has or ever had."""
    digest = tables.known_digest.c.digest
    return frozenset(tx.execute(select(digest).where(in_values(tx, digest, digests))).scalars())
