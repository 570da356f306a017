"""SQLAlchemy tables of the sensors service: its log, the sensors projected from it, and the recordings."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

from shared.eventsourcing.sql_event_store import log_tables
from shared.replication.proof.published_signers import signing_key_table
from shared.replication.relay import relay_table

metadata = MetaData()
log, log_head = log_tables(metadata)
relay_cursor = relay_table(metadata)

# Public halves of all keys that ever signed heads of the log.
signing_key = signing_key_table(metadata)

sensor = Table(
    "sensor",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("network", String(2), nullable=False),
    Column("station", String(5), nullable=False),
    Column("name", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("elevation_m", Float),
    Column("unit", String(16), nullable=False),
    Index("sensor_by_organisation", "organisation_id", "id"),
)

# Channels of a sensor that have recordings, updated in the transaction that stores the blocks.
channel = Table(
    "channel",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("location_code", String(2), primary_key=True),
    Column("code", String(3), primary_key=True),
    Column("sample_rate_hz", Float, nullable=False),
    Column("last_sample_ns", BigInteger, nullable=False),
)

# `start_ns`, `end_ns`: the first and the last sample, nanoseconds since 1970, UTC. `miniseed`: Steim2 records.
block = Table(
    "block",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("location_code", String(2), nullable=False),
    Column("channel", String(3), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("sample_rate_hz", Float, nullable=False),
    Column("sample_count", Integer, nullable=False),
    Column("miniseed", LargeBinary, nullable=False),
    Index("block_by_time", "sensor_id", "channel", "end_ns"),
)
