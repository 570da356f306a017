"""What a receipt shows of the log is known since it was appended: no statement more, and the same as a reader finds."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from services.keys import assembly, tables
from services.keys.revocation.evidence import Evidence
from shared.eventsourcing.decision import Executed
from shared.eventsourcing.event_store import genesis_hash
from shared.eventsourcing.event_types import Encoded
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.proof.signatures import Signer, new_private_key
from shared.sql.database import Database
from tests.examples import NOON
from tests.service_database import migrated

SIGNER = Signer(new_private_key())


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return migrated(Database.sqlite(tmp_path / "keys.db"), assembly.MIGRATIONS)


def append(store: SqlEventStore, stream: str, version: int, events: int) -> Executed[Any]:
    noted = Encoded(type="Noted", schema_version=1, data="{}")
    with store.transaction() as tx:
        rows = store.append(tx, stream, version, [noted] * events, "{}", "2026-11-23T12:00:00.000000Z")
    return Executed(state=None, version=rows[-1].version, rows=rows)


def test_own_rows_and_the_hash_before_them_are_not_read_again(database: Database) -> None:
    store = SqlEventStore(database, tables.metadata)
    executed = [append(store, "key_a", 0, 1), append(store, "key_b", 0, 3), append(store, "key_a", 1, 2)]
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    own = [Evidence(store, SIGNER, lambda: NOON).place(each) for each in executed]
    assert statements == []
    another_process = Evidence(SqlEventStore(database, tables.metadata), SIGNER, lambda: NOON)
    assert own == [another_process.place(each) for each in executed]
    assert statements != []


def test_the_first_row_follows_the_log_s_beginning(database: Database) -> None:
    store = SqlEventStore(database, tables.metadata)
    _, place = Evidence(store, SIGNER, lambda: NOON).place(append(store, "key_a", 0, 1))
    assert place is not None
    assert place.previous == genesis_hash(place.epoch)


def test_links_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.eventsourcing.chain.recent_links._ROWS_MAX", 2)
    store = SqlEventStore(database, tables.metadata)
    first, *_ = executed = [append(store, "key_a", number, 1) for number in range(4)]
    known = [store.recent_links.before(each.rows[0]) is not None for each in executed]
    assert known == [False, False, True, True]
    _, place = Evidence(store, SIGNER, lambda: NOON).place(first)
    assert place is not None
    assert place.previous == genesis_hash(place.epoch)
