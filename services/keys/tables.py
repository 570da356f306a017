"""The tables of the keys service: event log, read models, data keys, idempotency keys, gates' positions,
and the people of the console with their links and sessions.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, false, text

from shared.eventsourcing.log_tables import log_tables
from shared.replication.proof.published_signers import signing_key_table
from shared.replication.relay import relay_table
from shared.sql.clocks.clock_watch import clock_reading_table
from shared.sql.idempotency_table import idempotency_table

metadata = MetaData()
log, log_head = log_tables(metadata)
log_epoch = metadata.tables["log_epoch"]
relay_cursor = relay_table(metadata)

# Public halves of all keys that ever signed, so that old receipts can be checked after a key was replaced.
signing_key = signing_key_table(metadata)

organisation = Table(
    "organisation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("registered_at", String(27), nullable=False),
    Column("unused_expiry_days", Integer),
    Column("lifetime_max_days", Integer),
    Column("lifetime_default_days", Integer),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("contract", Text),
)

# Read model of lists and details. Times are RFC 3339 texts, which sort as the times do. `sort_name`, `search_text`:
# case-folded by this service, for databases differ in how they fold case. `digest`: of the present secret;
# `previous_digest`: of the one before, which works until `grace_until`. No query shows them: fences judge by them.
# `previous_hint`, `previous_used_at`: of that one, too; used since it was replaced. `sent_in_query_at`: when the
# present secret came last in a URL's query.
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
    Column("networks", Text),
    Column("revoked_at", String(27)),
    Column("revocation_reason", String(32)),
    Column("revocation_note", Text),
    Column("last_used_at", String(27)),
    Column("last_used_address", String(45)),
    Column("last_used_route", String(100)),
    Column("rotated_at", String(27)),
    Column("grace_until", String(27)),
    Column("suspended_at", String(27)),
    Column("expired_at", String(27)),
    Column("sort_name", Text, nullable=False, server_default=text("''")),
    Column("search_text", Text, nullable=False, server_default=text("''")),
    Column("digest", String(64)),
    Column("previous_digest", String(64)),
    Column("previous_hint", String(16)),
    Column("previous_used_at", String(27)),
    Column("sent_in_query_at", String(27)),
    Index("api_key_by_creation", "organisation_id", "created_at", "id"),
    Index("api_key_by_expiry", "expires_at"),
    # Orders of the list (views/listing/key_order.py), and the count of active keys.
    Index("api_key_by_name", "organisation_id", "sort_name", "id"),
    Index("api_key_by_last_use", "organisation_id", text("coalesce(last_used_at, '')"), "id"),
    Index("api_key_by_end", "organisation_id", text("coalesce(expires_at, 'never')"), "id"),
    Index("api_key_active", "organisation_id", "revoked_at", "suspended_at", "expired_at", "expires_at"),
)

key_label = Table(
    "key_label",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# The digest of each secret that there ever was, also of deleted keys, as far as imports have read the log for that:
# up to the row of this position.
known_digest = Table("known_digest", metadata, Column("digest", String(64), primary_key=True))
known_digest_place = Table(
    "known_digest_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

# One row: another number whenever `api_key` was written by something that is no event, such as a use.
use_mark = Table(
    "use_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

# What is kept of a deleted key: its organisation, and the hint of its last secret.
deleted_key = Table(
    "deleted_key",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("hint", String(16), nullable=False),
    Index("deleted_key_by_organisation", "organisation_id"),
)

# Which key made another, or gave it a new secret (`is_renewal`), from the actors of events: positions in the log of the
# first and the latest of these events, and the latest one's time. Kept when either key is deleted.
making = Table(
    "making",
    metadata,
    Column("maker_id", String(32), primary_key=True),
    Column("key_id", String(32), primary_key=True),
    Column("is_renewal", Boolean, primary_key=True),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", String(27), nullable=False),
    Index("making_by_time", "maker_id", "at"),
)

# Not a read model: it cannot be rebuilt. Deleting a row makes that key's texts unreadable, so back it up apart.
data_key = Table(
    "data_key",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

# What was changed by Idempotency-Key, kept for a day.
idempotency = idempotency_table(metadata)

# When the wall clock was last beyond doubt.
clock_reading = clock_reading_table(metadata)

# One row for each gate, running or killed: the position in the log that it has applied, or a mark, which is negative
# (see revocation/gate_cap.py). `account`: the one that first spoke for it; none: nobody's yet.
gate = Table(
    "gate",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("account", String(32)),
)

# How far each follower has said to be on its own disk, and when keys had signed that; from when to when something is
# gone from it (see revocation/follower_places.py). `epoch`: none where a release before wrote the row.
follower_place = Table(
    "follower_place",
    metadata,
    Column("follower", String(64), primary_key=True),
    Column("epoch", String(32)),
    Column("position", BigInteger, nullable=False),
    Column("signed_at", String(27), nullable=False),
    Column("lost_from", String(27)),
    Column("lost_until", String(27)),
)

# One row: the storage last seen (see revocation/restore_detection.py). `settled`: every gate that may hold a lease has
# a row in `gate`.
storage = Table(
    "storage",
    metadata,
    Column("identity", String(100), primary_key=True),
    Column("settled", Boolean, nullable=False),
)

# Who signs in at the console. The log names them by id alone, so that `name` and `address` can be erased. Not a read
# model, nor are the three tables below. `role`: what every session of theirs may do from now on. `issuer`, `subject`:
# whom they are to the issuer that they sign in by; none: they come by links. `time_zone`: as they chose it.
# `signed_in_at`: last; `refused_at`: when a sign-in of theirs was last refused.
console_person = Table(
    "console_person",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("created_at", String(27), nullable=False),
    Column("issuer", Text),
    Column("subject", Text),
    Column("time_zone", String(64)),
    Column("signed_in_at", String(27)),
    Column("refused_at", String(27)),
    Index("console_person_by_organisation", "organisation_id"),
    Index("console_person_by_subject", "issuer", "subject", unique=True),
)

# Links that sign in once. `digest`: SHA-256 of the token, which is stored nowhere.
console_link = Table(
    "console_link",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("used_at", String(27)),
    Index("console_link_by_expiry", "expires_at"),
)

# Sign-ins that an issuer has not sent back yet. `digest`, `browser_digest`: SHA-256 of their state, and of the cookie
# of the browser that began them. `source`: where they came from, as callers are counted.
console_pending = Table(
    "console_pending",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("browser_digest", String(64), nullable=False),
    Column("is_again", Boolean, nullable=False),
    Column("source", String(64), nullable=False),
    Column("begun_at", String(27), nullable=False),
    Index("console_pending_by_time", "begun_at"),
)

# `digest`: SHA-256 of the id in the browser's cookie, which is stored nowhere. `id`: what people's lists call it.
# `authenticated_at`: when it was last proved who it is; none: an issuer did not say.
console_session = Table(
    "console_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(32), nullable=False),
    Column("person_id", String(32), nullable=False),
    Column("signed_in_at", String(27), nullable=False),
    Column("seen_at", String(27), nullable=False),
    Column("address", String(45), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("authenticated_at", String(27)),
    Column("by_issuer", Boolean, nullable=False, server_default=false()),
    Index("console_session_by_person", "person_id"),
    Index("console_session_by_sign_in", "signed_in_at"),
)
