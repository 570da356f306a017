"""Usage's database: the batches it has counted for ever, the requests in them, and the counters made from those."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

from shared.follower import follower_tables

metadata = MetaData()
checkpoint, parked_event = follower_tables(metadata)

batch = Table(
    "batch",
    metadata,
    Column("segment", String(32), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger, nullable=False),
    Column("requests", Integer, nullable=False),
)

# Append-only: the counters can be made again from it. `at` is microseconds since 1970, UTC.
request = Table(
    "request",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("key_id", String(32)),
    Column("organisation_id", String(32)),
    Column("request_id", String(100), nullable=False),
    Column("method", String(16), nullable=False),
    Column("route", String(100), nullable=False),
    Column("status", Integer, nullable=False),
    Column("cost", Integer, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("address", String(45), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Index("request_by_key", "key_id", "at"),
)

# One row a key, minute, route and status. `minute`: whole minutes since 1970, UTC.
counter = Table(
    "counter",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("status", Integer, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("cost", Integer, nullable=False),
)

last_use = Table(
    "last_use",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

# The keys there are, followed from the log of keys: whose usage may be asked for by whom, and what limits they have of
# their own.
known_key = Table(
    "known_key",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("minute_limit", Integer),
    Column("day_limit", Integer),
)

known_organisation = Table(
    "known_organisation",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("tier", String(32), nullable=False),
)

# Deleted keys: what their callers revealed of themselves is kept no more, in whatever order it arrives.
erased_key = Table("erased_key", metadata, Column("key_id", String(32), primary_key=True))
