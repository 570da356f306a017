"""The tables of the auth service: grants, tiers, dead secrets, and the follower's checkpoint in the log of keys."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from shared.replication.sql_follower import follower_tables

metadata = MetaData()
checkpoint, parked_event = follower_tables(metadata)

# `body`: the whole Grant as JSON; the other columns are for lookups. `checksum`: of all four.
grant = Table(
    "grant",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("previous_digest", String(64)),
    Column("checksum", BigInteger),
    Index("grant_by_digest", "digest", unique=True),
    Index("grant_by_previous_digest", "previous_digest"),
)

# `checksum`: of the other columns.
organisation_tier = Table(
    "organisation_tier",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("tier", String(16), nullable=False),
    Column("contract", Text),
    Column("checksum", BigInteger),
)

# Secrets that were ended (dead_secrets/ending.py). No reset touches it: what a log says later wakes none of them.
# `checksum`: of the other columns.
dead_secret = Table(
    "dead_secret",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(32), nullable=False),
    Column("organisation_id", String(32), nullable=False),
    Column("hint", String(16)),
    Column("why", String(16), nullable=False),
    Column("at", String(27), nullable=False),
    Column("checksum", BigInteger),
    Index("dead_secret_by_key", "key_id"),
)

# One row while a log is followed anew from its beginning: grants are not what holds until its head is reached.
follows_anew = Table("follows_anew", metadata, Column("id", Integer, primary_key=True, autoincrement=False))
