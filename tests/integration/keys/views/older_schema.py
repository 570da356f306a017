"""Schemas of earlier releases, for tests of migrations: takes back what later migrations do."""

from sqlalchemy import Connection, text


def before_conditions(tx: Connection) -> None:
    """As before migration 0011: idempotency keys of creations alone, and no revision of an organisation."""
    before_imports(tx)
    before_clock_readings(tx)
    before_networks(tx)
    before_sent_in_query(tx)
    before_restores(tx)
    before_follower_places(tx)
    before_lifetimes(tx)
    before_console(tx)
    tx.execute(text("DROP TABLE signing_key"))
    for name in ("previous_hint", "previous_used_at"):
        tx.execute(text(f"ALTER TABLE api_key DROP COLUMN {name}"))
    columns = ("credential", "idempotency_key", "body_digest", "key_id", "created_at")
    tx.execute(text("DROP TABLE idempotency"))
    tx.execute(text(f"CREATE TABLE idempotency ({', '.join(f'{name} VARCHAR(255) NOT NULL' for name in columns)})"))
    tx.execute(text("ALTER TABLE organisation DROP COLUMN revision"))


def before_imports(tx: Connection) -> None:
    """As before migration 0025: no mark of uses, no contracts, and nothing kept of which digests there ever were."""
    tx.execute(text("ALTER TABLE organisation DROP COLUMN contract"))
    for name in ("use_mark", "known_digest", "known_digest_place"):
        tx.execute(text(f"DROP TABLE {name}"))


def before_clock_readings(tx: Connection) -> None:
    """As before migration 0024: nothing kept of the wall clock."""
    tx.execute(text("DROP TABLE clock_reading"))


def before_networks(tx: Connection) -> None:
    """As before migration 0023: keys are bound to no networks."""
    tx.execute(text("ALTER TABLE api_key DROP COLUMN networks"))


def before_sent_in_query(tx: Connection) -> None:
    """As before migration 0021: nothing kept of secrets that came in a URL."""
    tx.execute(text("ALTER TABLE api_key DROP COLUMN sent_in_query_at"))


def before_restores(tx: Connection) -> None:
    """As before migration 0017: no epochs but the first, and no divergence."""
    for name in ("present_epoch", "divergence"):
        tx.execute(text(f"ALTER TABLE log_head DROP COLUMN {name}"))
    tx.execute(text("DROP TABLE log_epoch"))


def before_follower_places(tx: Connection) -> None:
    """As before migration 0018: nothing remembered of how far followers are on their own disks."""
    tx.execute(text("DROP TABLE follower_place"))


def before_lifetimes(tx: Connection) -> None:
    """As before migration 0015: no lifetimes of an organisation's keys."""
    before_last_sign_in(tx)
    for name in ("lifetime_max_days", "lifetime_default_days"):
        tx.execute(text(f"ALTER TABLE organisation DROP COLUMN {name}"))


def before_last_sign_in(tx: Connection) -> None:
    """As before migration 0020: nothing kept of when people signed in, and fewer indexes."""
    for name in ("by_name", "by_last_use", "by_end", "active"):
        tx.execute(text(f"DROP INDEX api_key_{name}"))
    for name in ("signed_in_at", "refused_at"):
        tx.execute(text(f"ALTER TABLE console_person DROP COLUMN {name}"))
    before_issuers(tx)


def before_issuers(tx: Connection) -> None:
    """As before migration 0019: people come by links alone."""
    tx.execute(text("DROP TABLE console_pending"))
    tx.execute(text("DROP INDEX console_person_by_subject"))
    for table, names in {
        "console_person": ("issuer", "subject", "time_zone"),
        "console_session": ("authenticated_at", "by_issuer"),
    }.items():
        for name in names:
            tx.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))


def before_console(tx: Connection) -> None:
    """As before migration 0014: no people, links and sessions."""
    for name in ("console_person", "console_link", "console_session"):
        tx.execute(text(f"DROP TABLE {name}"))
