"""The keys service's database: its log, the read models made from it, data keys, and the gates that acknowledge."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

from shared.relay import relay_table
from shared.sql_event_store import log_tables

metadata = MetaData()
log, log_head = log_tables(metadata)
relay_cursor = relay_table(metadata)

organisation = Table(
    "organisation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("registered_at", String(27), nullable=False),
)

# The list and the details. Times are RFC 3339 texts, which sort as the times do.
api_key = Table(
    "api_key",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("hint", String(16), nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("expires_at", String(27)),
    Column("allow_query", Boolean, nullable=False),
    Column("allowed_addresses", Text, nullable=False),
    Column("minute_limit", Integer),
    Column("day_limit", Integer),
    Column("revoked_at", String(27)),
    Column("revocation_reason", String(32)),
    Column("last_used_at", String(27)),
    Index("api_key_by_creation", "organisation_id", "created_at", "id"),
)

# Not a read model: it cannot be rebuilt, and destroying a row is how words are forgotten. Back it up apart.
data_key = Table(
    "data_key",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

gate = Table(
    "gate",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# One row. `settled`: every gate that may be fresh is known to have a row above.
storage = Table(
    "storage",
    metadata,
    Column("identity", String(100), primary_key=True),
    Column("settled", Boolean, nullable=False),
)
