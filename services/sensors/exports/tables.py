"""SQLAlchemy table of exports."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from services.sensors.tables import metadata

# One row an export, and for ever: what was asked for, by which key, and what came of it. `start_ns`, `end_ns`:
# nanoseconds since 1970; times that end in _us: microseconds. `claim`: of who makes it, until `claimed_until_us`.
# `untold_us`: when it ended, until the bus has taken the message that says so.
export = Table(
    "export",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("format", String(16), nullable=False),
    Column("sensor_ids", Text, nullable=False),
    Column("channel", String(3)),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("expires_us", BigInteger),
    Column("fault", String(40)),
    Column("bytes", BigInteger),
    Column("sha256", String(64)),
    Column("claim", String(32)),
    Column("claimed_until_us", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("untold_us", BigInteger),
    Index("export_by_organisation", "organisation_id", "created_us", "id"),
    Index("export_by_status", "status", "created_us"),
    Index("export_untold", "untold_us"),
)
