"""Whatever is done to a log behind its back is found, and the finding names the row."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.eventsourcing import audit as auditing
from shared.eventsourcing.audit import Anchor, Audit, audit
from shared.eventsourcing.event_store import Head, MemoryEventStore, StoredEvent, chained, genesis_hash
from shared.eventsourcing.event_types import Encoded
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.database import Database
from tests.intruder import rechain

ROWS = 6
RECORDED_AT = "2026-11-23T12:00:00.000000Z"
TEXTS = ("stream", "type", "data", "metadata", "recorded_at", "hash")


@pytest.fixture
def log(sql_store: SqlEventStore) -> SqlEventStore:
    """Six rows of two streams."""
    for version in range(ROWS // 2):
        for stream in ("key_a", "key_b"):
            event = Encoded(type="Noted", schema_version=1, data=f'{{"note":"{stream} {version}"}}')
            with sql_store.transaction() as tx:
                sql_store.append(tx, stream, version, [event], '{"actor":"a test"}', RECORDED_AT)
    return sql_store


@pytest.fixture
def intruder(log: SqlEventStore, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """sqlite3, straight at the file."""
    connection = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
    connection.execute("PRAGMA busy_timeout = 1000")
    yield connection
    connection.close()


@pytest.fixture
def anchor(log: SqlEventStore) -> Anchor:
    """What a follower that is up to date remembers, in a database that the intruder does not reach."""
    with log.reading() as tx:
        return Anchor(follower="auth.grants", checkpoint=log.head(tx))


def positions(found: Audit) -> list[int]:
    return [finding.position for finding in found.findings]


def test_an_untouched_log_is_clean(log: SqlEventStore, anchor: Anchor) -> None:
    found = audit(log, [anchor])
    assert (found.rows, found.head, found.findings) == (ROWS, anchor.checkpoint, ())


def test_a_log_is_clean_across_pages_and_in_memory(log: SqlEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_PAGE_ROWS", 2)
    assert audit(log).findings == ()
    assert audit(MemoryEventStore("e")).findings == ()


@pytest.mark.parametrize("seed", range(60))
def test_any_one_byte_changed_to_any_other_is_one_finding_at_its_row(
    log: SqlEventStore, intruder: sqlite3.Connection, seed: int
) -> None:
    """Also bytes that are no text any more, as a hex editor would leave them."""
    chance = random.Random(seed)
    row, column = chance.randint(1, ROWS - 1), TEXTS[seed % len(TEXTS)]
    (stored,) = intruder.execute(f"SELECT CAST({column} AS BLOB) FROM log WHERE position = ?", (row,)).fetchone()  # noqa: S608 - a column's name
    place = chance.randrange(len(stored))
    other = chance.choice([byte for byte in range(1, 256) if byte != stored[place]])
    edited = stored[:place] + bytes([other]) + stored[place + 1 :]
    intruder.execute(f"UPDATE log SET {column} = CAST(? AS TEXT) WHERE position = ?", (edited, row))  # noqa: S608
    assert positions(audit(log)) == [row]


@pytest.mark.parametrize(
    ("edit", "rows"),
    [
        ("UPDATE log SET version = 9 WHERE position = 3", [3]),
        ("UPDATE log SET schema_version = 2 WHERE position = 3", [3]),
        ("UPDATE log SET data = CAST(data AS BLOB) WHERE position = 3", [3]),
        ("UPDATE log SET recorded_at = '2026-11-23T12:00:00.000001Z' WHERE position = 1", [1]),
        ("UPDATE log SET hash = 'no hash at all' WHERE position = 3", [3]),
        ("UPDATE log SET hash = upper(hash) WHERE position = 6", [6]),
        ("UPDATE log SET data = '{}' WHERE position IN (2, 5)", [2, 5]),
        ("UPDATE log SET hash = 'none' WHERE position IN (2, 3, 5)", [2, 3, 5]),
        ("DELETE FROM log WHERE position = 1", [1]),
        ("DELETE FROM log WHERE position = 3", [3]),
        ("DELETE FROM log WHERE position IN (3, 4)", [3]),
        ("DELETE FROM log WHERE position = 6", [6]),
        ("DELETE FROM log WHERE position > 4", [5]),
        ("DELETE FROM log", [1]),
        ("UPDATE log_head SET position = 5", [6]),
        ("UPDATE log_head SET hash = lower(hex(randomblob(32)))", [6]),
        ("UPDATE log_head SET epoch = 'another'", [1]),
    ],
)
def test_an_edited_or_removed_row_is_named(
    log: SqlEventStore, intruder: sqlite3.Connection, edit: str, rows: list[int]
) -> None:
    intruder.execute(edit)
    assert positions(audit(log)) == rows


@pytest.mark.parametrize("position", [7, 0, -3])
def test_a_row_put_in_is_named_even_before_the_first(
    log: SqlEventStore, intruder: sqlite3.Connection, position: int
) -> None:
    """A row at any position is part of its stream when that is loaded: so none may hide from the audit."""
    insert = (
        "INSERT INTO log SELECT ?, stream, 4, 'KeyResumed', 1, data, metadata, recorded_at, hash"
        " FROM log WHERE position = 6"
    )
    intruder.execute(insert, (position,))
    with log.reading() as tx:
        assert len(log.stream(tx, "key_b")) == ROWS // 2 + 1
    assert positions(audit(log))[0] == position


def test_a_row_appended_with_the_right_hash_is_named_because_the_head_does_not_know_it(
    log: SqlEventStore, intruder: sqlite3.Connection, anchor: Anchor
) -> None:
    forged = Encoded(type="KeyCreated", schema_version=1, data="{}")
    (row,) = chained(anchor.checkpoint, "key_c", 0, [forged], "{}", RECORDED_AT)
    values = [getattr(row, name) for name in StoredEvent.__struct_fields__]
    intruder.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    assert positions(audit(log)) == [7]


def test_a_row_slipped_in_between_is_named(log: SqlEventStore, intruder: sqlite3.Connection) -> None:
    for position in range(6, 2, -1):
        intruder.execute("UPDATE log SET position = ? WHERE position = ?", (position + 1, position))
    intruder.execute(
        "INSERT INTO log SELECT 3, 'key_c', 1, type, schema_version, data, metadata, recorded_at, hash"
        " FROM log WHERE position = 2"
    )
    intruder.execute("UPDATE log_head SET position = 7")
    assert positions(audit(log))[0] == 3


def test_two_rows_that_changed_places_are_named(log: SqlEventStore, intruder: sqlite3.Connection) -> None:
    for before, after in ((3, 100), (4, 3), (100, 4)):
        intruder.execute("UPDATE log SET position = ? WHERE position = ?", (after, before))
    assert positions(audit(log))[:2] == [3, 4]


def test_a_last_row_removed_with_the_head_corrected_is_found_by_what_a_follower_remembers(
    log: SqlEventStore, intruder: sqlite3.Connection, anchor: Anchor
) -> None:
    intruder.execute("DELETE FROM log WHERE position = 6")
    rechain(intruder)
    assert audit(log).findings == ()
    (finding,) = audit(log, [anchor]).findings
    assert (finding.position, finding.problem) == (6, "auth.grants has seen this row; it is gone")


def test_a_log_rewritten_whole_is_found_by_what_a_follower_remembers(
    log: SqlEventStore, intruder: sqlite3.Connection, anchor: Anchor
) -> None:
    intruder.execute("UPDATE log SET data = '{}' WHERE position = 2")
    rechain(intruder)
    assert audit(log).findings == ()
    (finding,) = audit(log, [anchor]).findings
    assert (finding.position, finding.problem) == (6, "auth.grants has seen another row here")


def test_a_log_under_another_epoch_is_found_by_what_a_follower_remembers(
    log: SqlEventStore, intruder: sqlite3.Connection, anchor: Anchor
) -> None:
    intruder.execute("UPDATE log_head SET epoch = 'another'")
    rechain(intruder)
    assert audit(log).findings == ()
    (finding,) = audit(log, [anchor]).findings
    assert "another epoch" in finding.problem


def test_a_follower_that_lags_is_no_finding(log: SqlEventStore, anchor: Anchor) -> None:
    with log.reading() as tx:
        rows = log.after(tx, 0, ROWS)
    epoch = anchor.checkpoint.epoch
    places = [Head(epoch=epoch, position=0, hash=genesis_hash(epoch))]
    places += [Head(epoch=epoch, position=row.position, hash=row.hash) for row in rows]
    assert audit(log, [Anchor(follower="usage.known_keys", checkpoint=place) for place in places]).findings == ()


def test_an_audit_changes_nothing(log: SqlEventStore, keys_database: Database, tmp_path: Path) -> None:
    def dump() -> list[str]:
        with sqlite3.connect(tmp_path / "service.db") as connection:
            return list(connection.iterdump())

    before = dump()
    audit(log)
    assert dump() == before
