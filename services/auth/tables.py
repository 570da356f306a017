"""The tables of the auth service: grants, tiers, and the follower's checkpoint in the log of keys."""

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

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

organisation_tier = Table(
    "organisation_tier",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("tier", String(16), nullable=False),
)
