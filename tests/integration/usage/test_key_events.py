"""Pages of the log of keys in usage's copy, on both databases."""

from typing import Any

from msgspec.structs import replace
from sqlalchemy import event, select

from services.usage import key_events, tables
from shared.contracts.keys import KeyAccessChanged, OrganisationRegistered
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.gate_examples import ORGANISATION, MemoryLog, created


def known(database: Database) -> dict[str, tuple[Any, ...]]:
    table = tables.known_key.c
    with database.reading() as tx:
        rows = tx.execute(select(table.key_id, table.revision, table.minute_limit)).all()
    return {row.key_id: (row.revision, row.minute_limit) for row in rows}


def test_a_key_is_known_as_the_last_event_of_a_page_leaves_it(usage_database: Database) -> None:
    log = MemoryLog(ManualClock(NOON))
    log.append(created(1), created(2, minute_limit=7))
    log.append_raw("KeyDescribed", "key_1", {})
    log.append(KeyAccessChanged(key_id="key_2", organisation_id=ORGANISATION, minute_limit=9))
    page = [replace(told, revision=revision) for told, revision in zip(log.events, (1, 1, 2, 2), strict=True)]
    for _ in range(2):
        with usage_database.transaction() as tx:
            key_events.apply_all(tx, page)
        assert known(usage_database) == {"key_1": (2, None), "key_2": (2, 9)}


def test_keys_created_one_after_another_take_as_many_statements_as_one(usage_database: Database) -> None:
    log = MemoryLog(ManualClock(NOON))
    log.append(OrganisationRegistered(organisation_id=ORGANISATION, tier="free"), *map(created, range(30)))
    asked: list[str] = []
    event.listen(usage_database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for first, last in ((1, 2), (2, 31)):
        asked.clear()
        with usage_database.transaction() as tx:
            key_events.apply_all(tx, log.events[first:last])
        counts.append(len(asked))
    assert len(known(usage_database)) == 30
    assert counts[0] == counts[1]
