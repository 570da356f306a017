"""SQLAlchemy tables of the sensors service: its log, sensors and networks projected from it, the index of samples."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

from shared.eventsourcing.log_tables import log_tables
from shared.replication.proof.published_signers import signing_key_table
from shared.replication.relay import relay_table
from shared.sql.clocks.clock_watch import clock_reading_table
from shared.sql.idempotency_table import idempotency_table

metadata = MetaData()
log, log_head = log_tables(metadata)
relay_cursor = relay_table(metadata)

# Public halves of all keys that ever signed heads of the log.
signing_key = signing_key_table(metadata)

# When the wall clock was last beyond doubt.
clock_reading = clock_reading_table(metadata)

# `network`, `station`: its codes, for ever. Its place, from `latitude` to `site_name`, `serial_number`,
# `firmware_version` and `device_type`: as of its latest epoch. `created_us`: since 1970. `configuration`: JSON, with
# its `revision`.
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
    Column("site_name", Text),
    Column("serial_number", Text),
    Column("firmware_version", Text),
    Column("device_type", String(16)),
    Column("created_us", BigInteger),
    Column("configuration", Text, nullable=False, server_default="{}"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("network_id", String(32)),
    Index("sensor_by_organisation", "organisation_id", "id"),
    Index("sensor_by_network", "network_id", "id"),
)

# What holds of a sensor (axis "") or of one of its axes from one time to before another, nanoseconds since 1970; they
# do not overlap. `facts`: JSON.
sensor_epoch = Table(
    "sensor_epoch",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("axis", String(8), primary_key=True),
    Column("from_ns", BigInteger, primary_key=True),
    Column("to_ns", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
)

# What was measured last of a sensor's arrivals. Milliseconds; completeness from 0 to 1; None: not known.
sensor_health = Table(
    "sensor_health",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("measured_us", BigInteger, nullable=False),
    Column("latency_hour_ms", Float(53)),
    Column("latency_day_ms", Float(53)),
    Column("completeness_hour", Float(53)),
    Column("completeness_day", Float(53)),
    Column("uncertainty_ms", Float(53)),
)

# How late samples came, by ten minutes of arrival since 1970. `late_ms`: summed over so many `arrivals`.
sensor_latency = Table(
    "sensor_latency",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("arrivals", BigInteger, nullable=False),
    Column("late_ms", BigInteger, nullable=False),
    Index("sensor_latency_by_slot", "slot"),
)

# The code that an organisation's stations have where they state none; XX where there is no row.
network_code = Table(
    "network_code",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("code", String(2), nullable=False),
)
# Networks that are not deleted. `detection`: JSON. `revision`: of the stream.
network = Table(
    "network",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("api_access", Boolean, nullable=False),
    Column("accepts_new", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("detection", Text, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("revision", Integer, nullable=False),
    Index("network_by_organisation", "organisation_id", "created_at", "id"),
)

# Networks that were closed to keys when they were deleted: events outlive their network, and these stay closed.
closed_network = Table(
    "closed_network",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Index("closed_network_by_organisation", "organisation_id"),
)

idempotency = idempotency_table(metadata)

# Axes of a sensor that have recordings, updated in the transaction that stores them. `location_code`, `code`: of the
# latest samples. `sealing_until_us`: who seals this axis has until then; microseconds since 1970.
channel = Table(
    "channel",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("axis", String(8), primary_key=True),
    Column("location_code", String(2), nullable=False),
    Column("code", String(3), nullable=False),
    Column("sample_rate_hz", Float(53), nullable=False),
    Column("last_sample_ns", BigInteger, nullable=False),
    Column("sealing_until_us", BigInteger, nullable=False, default=0),
)

_number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only of this type

# Files of sealed samples; one hour of an axis may have several, where its codes changed. `hour`: since 1970.
# `record_bytes`: of each of its records. `superseded_us`: when no span named it any more, microseconds since 1970;
# 0: it may go at once; None: it is current.
sealed_file = Table(
    "sealed_file",
    metadata,
    Column("id", _number, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("axis", String(8), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("path", String(120), nullable=False, unique=True),
    Column("bytes", BigInteger, nullable=False),
    Column("record_bytes", Integer, nullable=False, server_default="4096"),
    Column("superseded_us", BigInteger),
    Index("sealed_file_by_hour", "sensor_id", "axis", "hour"),
    Index("sealed_file_superseded", "superseded_us"),
)

# The index of samples. Times are of the first and the last sample, nanoseconds since 1970: the device's, and true ones.
# `samples`: little-endian, of type `kind`, where they have just arrived; else `file_id`, and the file's `records`.
span = Table(
    "span",
    metadata,
    Column("id", _number, primary_key=True),
    Column("sensor_id", String(32), nullable=False),
    Column("axis", String(8), nullable=False),
    Column("era", Integer, nullable=False),
    Column("device_ns", BigInteger, nullable=False),
    Column("device_end_ns", BigInteger, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("rate_hz", Float(53), nullable=False),
    Column("count", Integer, nullable=False),
    Column("kind", String(1), nullable=False),
    Column("crc", BigInteger, nullable=False),
    Column("samples", LargeBinary),
    Column("records", LargeBinary),
    Column("file_id", BigInteger),
    Index("span_by_time", "sensor_id", "end_ns"),
    Index("span_by_device_time", "sensor_id", "era", "device_end_ns"),
    Index("span_by_hour", "sensor_id", "axis", "hour"),
)

# Hours of an axis to seal, or to seal anew. `version`: grows when what is sealed there has to change.
seal_due = Table(
    "seal_due",
    metadata,
    Column("sensor_id", String(32), primary_key=True),
    Column("axis", String(8), primary_key=True),
    Column("hour", Integer, primary_key=True),
    Column("since_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Index("seal_due_by_time", "since_us"),
)

# How long an organisation's recordings are kept; for ever where there is no row.
sample_retention = Table(
    "sample_retention",
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("days", Integer, nullable=False),
)
