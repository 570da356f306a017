"""SQLAlchemy tables of arrival: device clocks era by era, records that wait, accounts of samples and differing values.

Times are nanoseconds since 1970 unless their names say otherwise.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table, Text

from services.sensors.tables import metadata

_number = BigInteger().with_variant(Integer, "sqlite")

# One row an era. `device_hz`, `true_hz`: samples per second of the device's clock and of true time. `epochs`: JSON of
# other rates by true time, each behind the device time from which on it holds; none: NULL.
clock_era = Table(
    "clock_era",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("stated_hz", Float(53), nullable=False),
    Column("device_hz", Float(53), nullable=False),
    Column("true_hz", Float(53), nullable=False),
    Column("epochs", Text),
)

# What a window of 192 pieces of device time tells of the rate, and by which ratio that may be off. `from_ns`: device
# time from which on samples are of it; `crc`: of the blocks that told it.
clock_window = Table(
    "clock_window",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("from_ns", BigInteger, nullable=False),
    Column("true_hz", Float(53), nullable=False),
    Column("doubt", Float(53), nullable=False),
    Column("crc", BigInteger, nullable=False),
)

# Hulls of eight pieces of device time. `active`: in how many of them messages came as the device sampled.
clock_block = Table(
    "clock_block",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("active", Integer, nullable=False),
    Column("pieces", LargeBinary, nullable=False),
)

# The line by which rows of sixty-four pieces of device time were timed last.
clock_line = Table(
    "clock_line",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("knots", LargeBinary, nullable=False),
    Column("uncertainty_ns", BigInteger, nullable=False),
)

# Records whose era is not decided yet: durable, and not shown.
held_record = Table(
    "held_record",
    metadata,
    Column("id", _number, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("device_ns", BigInteger, nullable=False),
    Column("cloud_ns", BigInteger, nullable=False),
    Column("rate_hz", Float(53), nullable=False),
    Column("kind", String(1), nullable=False),
    Column("axes", LargeBinary, nullable=False),
    Column("source", Text, nullable=False),
    Column("held_us", BigInteger, nullable=False),
    Column("sender", String(64)),
    Index("held_record_by_sensor", "sensor_id", "id"),
    Index("held_record_by_time", "held_us"),
)

# What became of all samples ever offered for a sensor. `is_finer`: some values were finer than a milligal.
sample_account = Table(
    "sample_account",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("new", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("differing", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("is_finer", Integer, nullable=False),
)

# What became of the samples that an account on the broker sent; or an import, until it has asked.
sender_account = Table(
    "sender_account",
    metadata,
    Column("sender", String(64), primary_key=True),
    Column("new", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("differing", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
)

# Samples rejected for each reason, and in how many messages, lines or traces.
sample_rejection = Table(
    "sample_rejection",
    metadata,
    Column("reason", String(32), primary_key=True),
    Column("samples", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
)

# The first thousand ranges, of a sensor, that were offered again with other values.
differing = Table(
    "differing",
    metadata,
    Column("id", _number, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("axis", String(8), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("kept_least", Float(53), nullable=False),
    Column("kept_greatest", Float(53), nullable=False),
    Column("offered_least", Float(53), nullable=False),
    Column("offered_greatest", Float(53), nullable=False),
    Column("source", Text, nullable=False),
    Index("differing_by_sensor", "sensor_id", "id"),
)

# Digests of the newest messages of a sensor that say nothing of their time, in the order of their coming.
recent_message = Table(
    "recent_message",
    metadata,
    Column("id", _number, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index("recent_message_by_sensor", "sensor_id", "id"),
)

# Minutes of each hour since 1970 of which samples came and were rejected, a bit each. `axis`: "": of all axes.
rejected_minutes = Table(
    "rejected_minutes",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("axis", String(8), primary_key=True),
    Column("hour", Integer, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
)
