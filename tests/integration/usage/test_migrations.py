"""What usage counted by the schema before is there after it: extents, requests, counters of every step."""

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, insert, select, text, update

from services.usage import tables
from services.usage.assembly import MIGRATIONS
from services.usage.counters.counters import rolled_up_before
from services.usage.counters.durations import fold
from services.usage.counters.rollup import roll_up
from services.usage.intake.metering import Metering
from services.usage.rebuild import rebuild
from shared.contracts.usage import RequestMetered
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.timestamps import MINUTE_US, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record


def migrate_to(database: Database, revision: str) -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    with database.transaction() as tx:
        upgrade: Any = lambda current, _context: scripts._upgrade_revs(revision, current)  # noqa: E731
        context = MigrationContext.configure(tx, opts={"fn": upgrade, "target_metadata": None})
        with Operations.context(context):
            context.run_migrations()


def test_what_was_counted_before_is_counted_after_and_only_once(empty_database: Database, clock: ManualClock) -> None:
    database = empty_database
    migrate_to(database, "0002")
    with database.transaction() as tx:
        for start, end in ((0, 10), (10, 30), (40, 50)):
            tx.execute(text(f"INSERT INTO batch VALUES ('s', {start}, {end}, 1)"))  # noqa: S608
        insert = text(
            "INSERT INTO request (at, key_id, organisation_id, request_id, method, route, status, cost, duration_us,"
            " size, address, user_agent)"
            " VALUES (:at, :key_id, :organisation_id, 'r', 'GET', '/v1', 200, 1, 5, 10, '192.0.2.7', '')"
        )
        for days, key_id, organisation_id in ((0, "key_a", "org_1"), (-2, "key_a", "org_1"), (0, None, None)):
            at = to_microseconds(NOON + timedelta(days=days))
            tx.execute(insert, {"at": at, "key_id": key_id, "organisation_id": organisation_id})
    migrate(database, MIGRATIONS)
    with database.reading() as tx:
        extents = [
            tuple(row) for row in tx.execute(select(tables.counted_extent).order_by(tables.counted_extent.c.start))
        ]
        assert len(tx.execute(select(tables.request)).all()) == 3
        for name in ("counter", "counter_hour", "organisation_counter_hour", "counter_day"):
            counted = tx.execute(select(tables.metadata.tables[name])).all()
            assert [(row.requests, row.cost, row.size) for row in counted] == [(1, 1, 10)] * 2, name
        # A worker of the release before still writes hours itself: nothing that it counts now is rolled up beside.
        assert rolled_up_before(tx) > time.time() / 60 + 1400
    assert extents == [("s", 0, 30), ("s", 40, 50)]
    metering, later = Metering(database), record(organisation_id="org_1")
    assert not metering.take_in(RequestMetered(segment="s", start=10, end=30, records=(later,)))
    assert metering.take_in(RequestMetered(segment="s", start=30, end=40, records=(later,)))
    # How long requests took is all that the migration leaves to a rebuild.
    assert {rebuilt.day: rebuilt.differences for rebuilt in rebuild(database)} == {
        "2026-11-21": 4,
        "2026-11-22": 0,
        "2026-11-23": 4,
    }


LATER_COLUMNS = (
    ("parked_batch", "account"),
    ("channel", "name"),
    ("alert", "rule_ids"),
    ("known_key", "revision"),
    ("checkpoint", "checksum"),
    ("request", "secret_hint"),
    ("request", "network_id"),
    ("counter_day", "refused"),
    ("delivery", "traceparent"),
    ("known_organisation", "contract"),
)
LATER_TABLES = ("organisation_network_counter", "organisation_network_counter_hour", "pending_durations")
LATER_INDEXES = ("delivery_by_channel", "known_key_by_organisation")


def test_days_tell_how_long_requests_took_by_what_their_hours_did(empty_database: Database, clock: ManualClock) -> None:
    database = empty_database
    migrate(database, MIGRATIONS)
    days = (tables.duration_day, tables.organisation_duration_day)
    Metering(database).take_in(
        batch(*(record(3600 * number, key_id=f"key_{number % 3}", duration_us=10**number) for number in range(8)))
    )
    fold(database)
    counted = _rows(database, days)
    with database.transaction() as tx:
        for table in days:
            tx.execute(text(f"DROP TABLE {table.name}"))
        for name in ("rolled_up", "network_counter", "network_counter_hour", "clock_reading", *LATER_TABLES):
            tx.execute(text(f"DROP TABLE {name}"))
        tx.execute(text("DROP TABLE segment_account"))
        tx.execute(text("DROP TABLE idempotency"))
        tx.execute(text("DROP TABLE kept_head"))
        for name in ("delivery_held", *LATER_INDEXES):
            tx.execute(text(f"DROP INDEX {name}"))
        for name, column in LATER_COLUMNS:
            tx.execute(text(f"ALTER TABLE {name} DROP COLUMN {column}"))
        tx.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    migrate(database, MIGRATIONS)
    assert _rows(database, days) == counted
    assert len(counted) == 4


def test_days_tell_what_was_refused_by_what_their_hours_and_minutes_did(
    empty_database: Database, clock: ManualClock
) -> None:
    """Some minutes are rolled up into hours, and the rest are not yet."""
    database = empty_database
    migrate(database, MIGRATIONS)
    with database.transaction() as tx:
        tx.execute(update(tables.rolled_up).values(before=0))
    statuses = (200, 401, 429, 500)
    Metering(database).take_in(
        batch(*(record(-3600 * number, key_id="key_a", status=statuses[number % 4]) for number in range(40)))
    )
    roll_up(database, to_microseconds(NOON) // MINUTE_US - 600)
    counted = _rows(database, [tables.counter_day])
    assert sum(row[-1] for row in counted) == 20
    with database.transaction() as tx:
        tx.execute(text("ALTER TABLE counter_day DROP COLUMN refused"))
        _drop_first_readings(tx)
        tx.execute(text("ALTER TABLE delivery DROP COLUMN traceparent"))
        for name in LATER_TABLES:
            tx.execute(text(f"DROP TABLE {name}"))
        tx.execute(text("ALTER TABLE known_organisation DROP COLUMN contract"))
        for name in LATER_INDEXES:
            tx.execute(text(f"DROP INDEX {name}"))
        tx.execute(text("UPDATE alembic_version SET version_num = '0019'"))
    migrate(database, MIGRATIONS)
    assert _rows(database, [tables.counter_day]) == counted


def test_networks_of_an_organisation_are_told_by_what_its_keys_counted(
    empty_database: Database, clock: ManualClock
) -> None:
    database = empty_database
    migrate(database, MIGRATIONS)
    with database.transaction() as tx:
        tx.execute(update(tables.rolled_up).values(before=0))
        for key_id, organisation_id in (("key_a", "org_1"), ("key_b", "org_1"), ("key_c", "org_2")):
            tx.execute(insert(tables.known_key).values(key_id=key_id, organisation_id=organisation_id, hint=""))
    owned = (("key_a", "org_1"), ("key_b", "org_1"), ("key_c", "org_2"))
    records = (
        record(-60 * number, key_id=owned[number % 3][0], organisation_id=owned[number % 3][1], network_id="net_1")
        for number in range(100)
    )
    Metering(database).take_in(batch(*records))
    roll_up(database, to_microseconds(NOON) // MINUTE_US - 30)
    of = (tables.organisation_network_counter, tables.organisation_network_counter_hour)
    counted = _rows(database, of)
    with database.transaction() as tx:
        for name in LATER_TABLES:
            tx.execute(text(f"DROP TABLE {name}"))
        tx.execute(text("ALTER TABLE known_organisation DROP COLUMN contract"))
        _drop_first_readings(tx)
        tx.execute(text("UPDATE alembic_version SET version_num = '0022'"))
    migrate(database, MIGRATIONS)
    assert _rows(database, of) == counted
    assert {row[1] for row in counted} == {"org_1", "org_2"}


def _drop_first_readings(tx: Connection) -> None:
    for name in ("firsts", "doubted_firsts"):
        tx.execute(text(f"ALTER TABLE clock_reading DROP COLUMN {name}"))


def _rows(database: Database, of: Iterable[Table]) -> set[tuple[Any, ...]]:
    with database.reading() as tx:
        return {(table.name, *row) for table in of for row in tx.execute(select(table))}
