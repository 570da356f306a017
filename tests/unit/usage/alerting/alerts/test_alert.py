"""Alerts as they are stored: an organisation's own, page by page, also those of before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.usage import assembly
from services.usage.alerting.alerts.alert import Alert, AlertStore
from services.usage.alerting.rules.rule import Kind, default_id
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.unit.usage.alerting.world import ORGANISATION, World, evenly


def test_alerts_are_the_organisation_s_own_page_by_page(world: World) -> None:
    world.see(*evenly(10, 50))
    world.clock.advance(1)
    world.see(*evenly(10, 50), key_id="key_b")
    assert world.alerts.page("org_2", limit=10) == ((), None)
    pages: list[Alert] = []
    page, after = world.alerts.page(ORGANISATION, 1)
    pages += page
    while after is not None:
        page, after = world.alerts.page(ORGANISATION, 1, after)
        pages += page
    assert pages == world.raised()
    assert len(pages) == 4


def test_an_alert_of_before_belongs_to_its_organisation_s_default_rule(
    tmp_path: Path, move_to: Callable[[Database, str], None]
) -> None:
    database = Database.sqlite(tmp_path / "old.db")
    move_to(database, "0002")
    facts = '{"at":"2026-11-23T12:00:00Z","request_id":"r","route":"/v1","address":"192.0.2.7","user_agent":"curl"}'
    with database.transaction() as tx:
        tx.exec_driver_sql(
            "INSERT INTO alert VALUES ('alr_1', 'dead-key-used', 'org_1', 'key_1', '2026-11-23', ?, 1)", (facts,)
        )
    migrate(database, assembly.MIGRATIONS)
    (alert,), _ = AlertStore(database).page("org_1", limit=10)
    assert alert.rule_id == default_id("org_1", Kind.DEAD_KEY_USED)
    assert msgspec.to_builtins(alert.facts) == json.loads(facts)
    database.close()


@pytest.fixture
def move_to() -> Callable[[Database, str], None]:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    def move(database: Database, revision: str) -> None:
        scripts = ScriptDirectory(str(assembly.MIGRATIONS))
        with database.transaction() as tx:
            step: Any = lambda at, _context: scripts._upgrade_revs(revision, at)  # noqa: E731
            context = MigrationContext.configure(tx, opts={"fn": step})
            with Operations.context(context):
                context.run_migrations()

    return move
