"""SQLAlchemy tables of alerting: rules, alerts and the state of evaluation. Times are microseconds since 1970, UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from services.usage.tables import metadata

_serial = BigInteger().with_variant(Integer, "sqlite")

# `parameters`, `key_ids`, `channels` are JSON. A deleted rule keeps its row: alerts name it, and a deleted default must
# not be made again.
alert_rule = Table(
    "alert_rule",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("key_ids", Text),
    Column("label", String(200)),
    Column("channels", Text, nullable=False),
    Column("muted", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("alert_rule_by_organisation", "organisation_id", "created_at"),
)

# One row for each (key, kind, fact, period). `rule_ids`: JSON, every rule that was met, `rule_id` first; NULL: no
# other. `facts` is JSON; only the erasure of a deleted key ever changes it.
alert = Table(
    "alert",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("rule_id", String(32), nullable=False),
    Column("rule_ids", Text),
    Column("kind", String(32), nullable=False),
    Column("organisation_id", String(32), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("fact", String(32), nullable=False),
    Column("period", String(27), nullable=False),
    Column("facts", Text, nullable=False),
    Column("muted", Boolean, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    UniqueConstraint("rule_id", "key_id", "fact", "period", name="alert_stands_once"),
    Index("alert_of_organisation", "organisation_id", "raised_at"),
    Index("alert_of_key", "key_id", "resolved_at"),
    Index("alert_open", "resolved_at", "ends_at"),
)

# Queue of evaluation: what was counted or heard and is not evaluated yet. `body`: an observation.QueuedItem as JSON.
pending_evaluation = Table(
    "pending_evaluation",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("body", Text, nullable=False),
)

# Known sources of each key: `kind` is address (IPv6: its /64) or user-agent.
seen_source = Table(
    "seen_source",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("source", String(200), primary_key=True),
)

# Requests by key and hour over a week: the baseline of the volume rule. `hour`: hours since 1970.
key_hour = Table(
    "key_hour",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("requests", Integer, nullable=False),
    Index("key_hour_by_hour", "hour"),
)

# Outbox: events of usage that are not published yet.
announcement = Table(
    "announcement",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("body", Text, nullable=False),
)
