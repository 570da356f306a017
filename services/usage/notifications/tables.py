"""SQLAlchemy tables of notifications: channels, deliveries, attempts. Moments are microseconds since 1970, UTC."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint, text

from services.usage.tables import metadata

_IS_HELD = text("status = 'held'")

# `sealed_…`: webhook secrets, encrypted under a key that is not in this database. `events` is JSON. `name` NULL: its
# host.
channel = Table(
    "channel",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", String(2048), nullable=False),
    Column("name", String(100)),
    Column("events", Text, nullable=False),
    Column("sealed_secret", Text),
    Column("sealed_previous_secret", Text),
    Column("previous_until", BigInteger),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", String(100)),
    Column("revision", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("channel_by_organisation", "organisation_id", "created_at"),
)

# `message_id` is the webhook-id that receivers see. `due_at`: when the delivery may be claimed; while it is being sent,
# when its lease ends; NULL: never again, or held.
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("type", String(32), nullable=False),
    Column("key_id", String(32)),
    Column("payload", Text, nullable=False),
    Column("traceparent", String(55)),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    UniqueConstraint("channel_id", "message_id", name="delivery_once"),
    Index("delivery_due", "due_at"),
    Index("delivery_by_organisation", "organisation_id", "created_at"),
    Index("delivery_by_key", "key_id"),
    Index("delivery_by_channel", "channel_id", "due_at"),
    Index("delivery_held", "channel_id", "created_at", sqlite_where=_IS_HELD, postgresql_where=_IS_HELD),
)

# `status`: the receiver's HTTP or SMTP status; NULL: it did not answer, and `fault` says why.
delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("delivery_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Integer),
    Column("fault", String(200)),
)
