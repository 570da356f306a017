"""Accepting that the log was put back: service is back in one step, and nothing that had ended lives again."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from services.keys import tables
from services.keys.lifecycle.key import Reason
from services.keys.restoring.endings import KnownDead
from services.keys.restoring.look import Accepted, Memories, NothingToAccept, look_at
from shared.eventsourcing.audit import audit
from shared.eventsourcing.epochs import LogDiverged
from shared.replication.feed import FeedDiverged
from shared.sql.database import Database
from tests.examples import ORIGIN
from tests.integration.keys.restoring.restorable import Restorable

NOTHING = KnownDead()


@pytest.fixture
def put_back(system: Restorable) -> Restorable:
    """A key that is revoked in what auth has seen, and lives in the log that was put back."""
    system.stolen = system.create().key_id
    system.follow()
    dump = system.dump()
    system.keys.commands.revoke(system.organisation, system.stolen, Reason.KEY_COMPROMISE, None, ORIGIN)
    for _ in range(3):
        system.create()
        system.follow()
    system.put_back(dump)
    return system


def accept(system: Restorable, known: KnownDead = NOTHING) -> Accepted:
    acceptance = system.keys.acceptance
    assert acceptance is not None
    memories = Memories(held=tuple(system.kept()), known=known, seen=system.seen())
    return acceptance.accept(memories, "the primary's disk was lost", ORIGIN)


def status(system: Restorable, key_id: str) -> str:
    return system.keys.queries.get_key(system.organisation, key_id).status.value


def test_service_is_back_in_one_step(put_back: Restorable) -> None:
    put_back.auth.following.catch_up()
    with pytest.raises(FeedDiverged):
        put_back.pull_at_gate()
    accept(put_back)
    put_back.auth.following.catch_up()
    put_back.pull_at_gate()
    assert put_back.replica.is_fresh()
    assert not put_back.replica.is_log_diverged
    put_back.create()
    for _ in range(2):
        put_back.stop()
        put_back.start()
        put_back.follow()
        assert not put_back.auth.following.is_log_diverged


def test_a_revoked_key_is_revoked_again_before_anything_else(put_back: Restorable) -> None:
    done = accept(put_back, KnownDead(revoked=frozenset({put_back.stolen})))
    assert (done.revoked, done.deleted, done.suspended) == ((put_back.stolen,), (), ())
    assert status(put_back, put_back.stolen) == "revoked"
    with put_back.keys.database.reading() as tx:
        written = put_back.keys.store.after(tx, done.head.position, 10)
    assert [row.type for row in written] == ["LogRestored", "KeyRevoked"]
    assert {row.stream for row in written} == {"log", put_back.stolen}


def test_it_says_what_was_lost(put_back: Restorable) -> None:
    seen = put_back.held()
    done = accept(put_back)
    assert done.restored is not None
    assert done.losses is not None
    assert (done.losses.common_position, done.losses.positions) == (done.head.position, 4)
    assert done.losses.newest == seen
    assert (done.restored.from_epoch, done.restored.position) == (seen.epoch, done.head.position)


def test_keys_created_in_what_is_lost_are_told_by_id_and_hint(put_back: Restorable) -> None:
    seen = {key.key_id: key for key in put_back.seen()}
    with put_back.keys.database.reading() as tx:
        known = set(tx.execute(select(tables.log.c.stream)).scalars())
    done = accept(put_back)
    assert done.gone == tuple(key for key_id, key in sorted(seen.items()) if key_id not in known)
    assert [(key.organisation_id, (key.hint or "")[:4]) for key in done.gone] == [(put_back.organisation, "grl_")] * 3


def test_a_mere_look_changes_nothing(put_back: Restorable) -> None:
    put_back.auth.following.catch_up()
    known = KnownDead(revoked=frozenset({put_back.stolen}))
    before = put_back.keys.feed.pull(None).head
    looked = look_at(put_back.keys.database, put_back.clock).look(Memories(held=tuple(put_back.kept()), known=known))
    assert (looked.revoked, looked.restored) == ((put_back.stolen,), None)
    assert put_back.keys.feed.pull(None).head == before
    with pytest.raises(LogDiverged):
        put_back.create()


def test_without_a_restore_there_is_nothing_to_accept_and_neither_is_after_it(system: Restorable) -> None:
    system.create()
    system.follow()
    with pytest.raises(NothingToAccept):
        accept(system)
    dump = system.dump()
    system.create()
    system.follow()
    system.put_back(dump)
    accept(system)
    with pytest.raises(NothingToAccept):
        accept(system)


def test_what_showed_the_divergence_is_enough_where_all_followers_are_lost(put_back: Restorable) -> None:
    put_back.auth.following.catch_up()
    acceptance = put_back.keys.acceptance
    assert acceptance is not None
    done = acceptance.accept(Memories(), "all is lost", ORIGIN)
    assert done.losses is not None
    assert done.losses.newest == put_back.held()


def test_the_chain_goes_on_and_the_audit_names_no_row(put_back: Restorable) -> None:
    accept(put_back)
    put_back.auth.following.catch_up()
    put_back.create()
    put_back.follow()
    assert audit(put_back.keys.store).findings == ()


def test_rows_keep_the_epoch_that_they_were_written_in(put_back: Restorable) -> None:
    before = [event.id for event in put_back.keys.feed.pull(None).events]
    done = accept(put_back)
    put_back.create()
    events = put_back.keys.feed.pull(None).events
    assert [event.id for event in events[: len(before)]] == before
    assert done.restored is not None
    assert {event.epoch for event in events[len(before) :]} == {done.restored.to_epoch}


def test_a_follower_that_stood_before_what_is_lost_goes_on_without_beginning_anew(system: Restorable) -> None:
    """Its state is that of the common part of both logs."""
    system.create()
    system.follow()
    place, dump = system.auth.follower.checkpoint(), system.dump()
    auth = (system.folder / "auth.db").read_bytes()
    system.create()
    system.follow()
    kept = system.kept()
    system.put_back(dump)
    assert system.keys.acceptance is not None
    system.keys.acceptance.accept(Memories(held=tuple(kept)), "a drill", ORIGIN)
    system.stop()
    for file in system.folder.glob("auth.db*"):
        file.unlink()
    (system.folder / "auth.db").write_bytes(auth)
    system.start()
    assert system.auth.follower.checkpoint() == place
    restarts: list[int] = []
    system.auth.follower.restart = lambda: restarts.append(1)  # type: ignore[method-assign]
    system.auth.following.catch_up()
    head = system.keys.feed.pull(None).head
    assert (system.auth.follower.checkpoint(), restarts) == (head, [])


def test_a_restored_row_forged_in_the_database_excuses_nothing(put_back: Restorable) -> None:
    """Who can write to the database of keys, and has not its signing key."""
    accept(put_back)
    forged = "UPDATE log SET data = replace(data, 'the primary', 'another one') WHERE type = 'LogRestored'"
    with put_back.keys.database.transaction() as tx:
        assert tx.execute(text(forged)).rowcount == 1
    put_back.stop()
    put_back.start()
    put_back.auth.following.catch_up()
    assert put_back.auth.following.is_log_diverged


def test_put_back_to_before_the_acceptance_it_has_diverged_again(put_back: Restorable) -> None:
    dump = Path(put_back.folder / "dump.db")
    accept(put_back)
    put_back.auth.following.catch_up()
    put_back.create()
    put_back.follow()
    put_back.put_back(dump)
    put_back.auth.following.catch_up()
    assert put_back.auth.following.is_log_diverged
    accept(put_back)
    put_back.auth.following.catch_up()
    assert not put_back.auth.following.is_log_diverged
    put_back.create()


def test_a_log_that_grew_before_anybody_noticed_is_accepted_as_it_is(put_back: Restorable) -> None:
    for _ in range(6):
        put_back.create()
    put_back.auth.following.catch_up()
    assert put_back.auth.following.is_log_diverged
    done = accept(put_back)
    assert done.losses is not None
    assert done.losses.common_position < done.head.position
    for _ in range(2):
        put_back.auth.following.catch_up()
        assert not put_back.auth.following.is_log_diverged


def test_a_database_of_keys_that_was_lost_whole_is_accepted_too(system: Restorable) -> None:
    system.create()
    system.follow()
    system.stop()
    for file in system.folder.glob("keys.db*"):
        file.unlink()
    system.start()
    system.keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)
    system.auth.following.catch_up()
    assert system.auth.following.is_log_diverged
    done = accept(system)
    assert done.losses is not None
    assert done.losses.common_position == 0 or done.losses.common_position == done.head.position
    system.auth.following.catch_up()
    assert not system.auth.following.is_log_diverged
    system.pull_at_gate()


def test_a_follower_that_was_put_back_alone_is_told_and_accepted(system: Restorable) -> None:
    """Keys remembers how far it was; nothing of the log is lost, so nothing is written there."""
    system.create()
    system.follow()
    system.stop()
    older = (system.folder / "auth.db").read_bytes()
    system.start()
    system.create()
    system.follow()
    system.follow()  # by now auth has told keys that it holds the later head
    system.stop()
    for file in system.folder.glob("auth.db*"):
        file.unlink()
    (system.folder / "auth.db").write_bytes(older)
    system.start()
    rows = _rows(system.keys.database)
    done = accept(system)
    assert (done.losses, done.restored) == (None, None)
    assert [each.follower for each in done.followers] == ["auth.grants"]
    assert _rows(system.keys.database) == rows
    with pytest.raises(NothingToAccept):
        accept(system)


def test_a_damaged_mark_stops_all_and_is_accepted_though_nothing_was_lost(system: Restorable) -> None:
    system.create()
    system.follow()
    system.pull_at_gate()
    with system.keys.database.transaction() as tx:
        tx.execute(text("UPDATE log_head SET divergence = ''"))
    with pytest.raises(FeedDiverged):
        system.pull_at_gate()
    with pytest.raises(LogDiverged):
        system.create()
    done = accept(system)
    assert (done.losses, done.restored, done.followers) == (None, None, ())
    system.pull_at_gate()
    system.create()
    with pytest.raises(NothingToAccept):
        accept(system)


def test_a_crash_before_the_commit_leaves_nothing_of_it(put_back: Restorable, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back.auth.following.catch_up()
    rows = _rows(put_back.keys.database)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.keys.restoring.acceptance.project_key", die)
    with pytest.raises(KeyboardInterrupt):
        accept(put_back, KnownDead(revoked=frozenset({put_back.stolen})))
    assert _rows(put_back.keys.database) == rows
    with pytest.raises(LogDiverged):
        put_back.create()


def _rows(database: Database) -> list[Any]:
    with database.reading() as tx:
        return [
            [tuple(row) for row in tx.execute(select(table))]
            for table in (tables.log, tables.log_head, tables.log_epoch)
        ]
