"""SQLAlchemy tables of usage: the request log, what is counted, the counters, and the known keys.

Moments are microseconds since 1970, UTC; minutes are whole minutes since 1970, UTC.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from shared.replication.sql_follower import follower_tables
from shared.sql.clocks.clock_watch import clock_reading_table
from shared.sql.idempotency_table import idempotency_table

metadata = MetaData()
checkpoint, parked_event = follower_tables(metadata)
_Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite autoincrements INTEGER only, which holds 64 bits there

# Which bytes of each spool segment are counted, kept for ever: [start, end); adjoining extents are merged into one.
counted_extent = Table(
    "counted_extent",
    metadata,
    Column("segment", String(32), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger, nullable=False),
)

# The account that first sent a segment: no other's batches of it are counted.
segment_account = Table(
    "segment_account",
    metadata,
    Column("segment", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
)

# Dead letters: batches that cannot be counted, with the reason. Their gates keep them, too. `body` is JSON, or
# what is kept of a larger one (intake/parked_batches.py); `account` sent it, where accounts are demanded.
parked_batch = Table(
    "parked_batch",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("reason", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("parked_at", BigInteger, nullable=False),
    Column("account", String(64)),
)

# The request log, append-only: the counters can be rebuilt from it. On PostgreSQL it is partitioned by UTC day and has
# no primary key: an index that nothing reads would cost each request. `requests`: how many refused requests the row
# stands for. `secret_hint`: of the secret it came with, if that was not its key's newest, or is dead.
request = Table(
    "request",
    metadata,
    Column("id", _Number, primary_key=True),
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
    Column("requests", Integer, nullable=False, server_default="1"),
    Column("problem", String(40)),
    Column("secret_hint", String(16)),
    Column("network_id", String(32)),
    Index("request_by_key", "key_id", "at"),
    Index("request_by_name", "request_id"),
    Index("request_by_time", "at"),
)

# One row: requests from before this moment, a UTC midnight, are deleted, and counters of before no longer change.
sealed = Table("sealed", metadata, Column("before", BigInteger, primary_key=True))


# One row, the roll-up mark: counters by hour hold all minutes before this one, and none from it on.
rolled_up = Table("rolled_up", metadata, Column("before", BigInteger, primary_key=True))


def _counter(name: str, owner: str) -> Table:
    """One row for each owner, step (minute or hour), route and status. `minute`: the first minute of the step.

    On SQLite rows lie in the order of their key: an owner's steps are read from beside one another.
    """
    return Table(
        name,
        metadata,
        Column(owner, String(32), primary_key=True),
        Column("minute", BigInteger, primary_key=True),
        Column("route", String(100), primary_key=True),
        Column("status", Integer, primary_key=True),
        Column("requests", BigInteger, nullable=False),
        Column("cost", BigInteger, nullable=False),
        Column("size", BigInteger, nullable=False),
        Index(f"{name}_by_time", "minute"),
        sqlite_with_rowid=False,
    )


counter = _counter("counter", "key_id")
counter_hour = _counter("counter_hour", "key_id")
organisation_counter = _counter("organisation_counter", "organisation_id")
organisation_counter_hour = _counter("organisation_counter_hour", "organisation_id")


def _network_counter(name: str, owner: str) -> Table:
    """One row for each owner, step and network: of the requests whose answers were about one."""
    return Table(
        name,
        metadata,
        Column(owner, String(32), primary_key=True),
        Column("minute", BigInteger, primary_key=True),
        Column("network_id", String(32), primary_key=True),
        Column("requests", BigInteger, nullable=False),
        Index(f"{name}_by_time", "minute"),
        sqlite_with_rowid=False,
    )


network_counter = _network_counter("network_counter", "key_id")
network_counter_hour = _network_counter("network_counter_hour", "key_id")
organisation_network_counter = _network_counter("organisation_network_counter", "organisation_id")
organisation_network_counter_hour = _network_counter("organisation_network_counter_hour", "organisation_id")

# One row for each key and UTC day, over all routes and statuses: for quotas and for comparing keys. `refused`: of the
# requests, those that were answered 4xx.
counter_day = Table(
    "counter_day",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Index("counter_day_by_time", "minute"),
    sqlite_with_rowid=False,
)


def _durations(name: str, owner: str) -> Table:
    """Latency of requests for each owner and step, as a sketch (counters/latency_sketch.py)."""
    return Table(
        name,
        metadata,
        Column(owner, String(32), primary_key=True),
        Column("minute", BigInteger, primary_key=True),
        Column("sketch", LargeBinary, nullable=False),
        Index(f"{name}_by_time", "minute"),
    )


# By hour and by day, so that a month or a year is merged from a few hundred sketches at most.
duration = _durations("duration", "key_id")
duration_day = _durations("duration_day", "key_id")
organisation_duration = _durations("organisation_duration", "organisation_id")
organisation_duration_day = _durations("organisation_duration_day", "organisation_id")

# Queue of durations that are counted and in no sketch yet (counters/durations.py): one row a transaction of intake.
# `first_hour`, `last_hour`: what it is of lies between them, in minutes since 1970.
pending_durations = Table(
    "pending_durations",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("first_hour", BigInteger, nullable=False),
    Column("last_hour", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

last_use = Table(
    "last_use",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("address", String(45)),
    Column("route", String(100)),
)

# Projection of the log of keys (key_events.py): which organisation each key belongs to, and its own limits.
known_key = Table(
    "known_key",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("minute_limit", Integer),
    Column("revision", Integer),
    Column("day_limit", Integer),
    Index("known_key_by_organisation", "organisation_id"),
)

known_organisation = Table(
    "known_organisation",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("tier", String(32), nullable=False),
    Column("contract", Text),
)

# What was changed by Idempotency-Key, kept for a day.
idempotency = idempotency_table(metadata)

# When the wall clock was last beyond doubt.
clock_reading = clock_reading_table(metadata)

# Deleted keys: addresses and user agents of their requests are not stored, in whatever order those arrive. No reset
# touches it.
erased_key = Table("erased_key", metadata, Column("key_id", String(32), primary_key=True))
