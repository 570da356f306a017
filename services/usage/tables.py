"""Usage's database: the requests it was told of, what of them is counted for ever, and what is made from them."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from shared.replication.sql_follower import follower_tables

metadata = MetaData()
checkpoint, parked_event = follower_tables(metadata)
_Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER only, and has 64 bits in it

# What of each gate's segments is counted, by its bytes, for ever: extents that adjoin are one row.
counted_extent = Table(
    "counted_extent",
    metadata,
    Column("segment", String(32), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger, nullable=False),
)

# Batches that cannot be counted, each with its reason; their gates keep them, too. `body` is JSON.
parked_batch = Table(
    "parked_batch",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("reason", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("parked_at", BigInteger, nullable=False),
)

# Append-only: the counters can be made again from it. `at` is microseconds since 1970, UTC. On PostgreSQL it is
# partitioned by UTC day and has no primary key: an index that nothing reads would cost each request. `requests`: how
# many refused ones a row stands for.
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
    Index("request_by_key", "key_id", "at"),
    Index("request_by_name", "request_id"),
    Index("request_by_time", "at"),
)

# One row: requests from before this moment, a UTC midnight, are kept no more, and counters of then change no more.
sealed = Table("sealed", metadata, Column("before", BigInteger, primary_key=True))


# One row: all that the counters by minute hold of minutes before this one, and nothing later, is in those by hour.
rolled_up = Table("rolled_up", metadata, Column("before", BigInteger, primary_key=True))


def _counter(name: str, owner: str) -> Table:
    """One row an owner, step, route and status. `minute`: the step's first one, in whole minutes since 1970, UTC."""
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
    )


counter = _counter("counter", "key_id")
counter_hour = _counter("counter_hour", "key_id")
organisation_counter = _counter("organisation_counter", "organisation_id")
organisation_counter_hour = _counter("organisation_counter_hour", "organisation_id")

# One row a key and UTC day, whatever was asked for and answered: what quotas and comparisons of keys ask.
counter_day = Table(
    "counter_day",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("counter_day_by_time", "minute"),
)


def _durations(name: str, owner: str) -> Table:
    """How long requests took, an owner and step: a sketch (durations.py)."""
    return Table(
        name,
        metadata,
        Column(owner, String(32), primary_key=True),
        Column("minute", BigInteger, primary_key=True),
        Column("sketch", LargeBinary, nullable=False),
        Index(f"{name}_by_time", "minute"),
    )


# By hour and by day: what a month or a year is told from is some hundred sketches at most.
duration = _durations("duration", "key_id")
duration_day = _durations("duration_day", "key_id")
organisation_duration = _durations("organisation_duration", "organisation_id")
organisation_duration_day = _durations("organisation_duration_day", "organisation_id")

last_use = Table(
    "last_use",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("address", String(45)),
    Column("route", String(100)),
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
