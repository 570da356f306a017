"""A log of keys that was put back serves nobody and takes no command, from the first follower that shows it."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from services.auth.service import AuthService
from services.keys.lifecycle.key import Reason
from services.keys.rpc.remote_commands import RemoteCommands
from shared.contracts.errors import Unavailable
from shared.eventsourcing.epochs import LogDiverged
from shared.gate.verdict import Refusal
from shared.replication.feed import FeedDiverged
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_heads import HeadSigner
from shared.sql.database import Database
from tests.examples import DIGEST, ORIGIN
from tests.integration.keys.restoring.restorable import Restorable


@pytest.fixture
def put_back(system: Restorable) -> Restorable:
    """A key that is revoked in what auth has seen, and lives in the log that was put back."""
    system.stolen = system.create().key_id
    system.follow()
    dump = system.dump()
    system.keys.commands.revoke(system.organisation, system.stolen, Reason.KEY_COMPROMISE, None, ORIGIN)
    system.follow()
    system.put_back(dump)
    return system


def test_a_log_that_is_followed_as_ever_is_continued(system: Restorable) -> None:
    for _ in range(3):
        system.create()
        system.follow()
        system.pull_at_gate()
        assert system.replica.is_fresh()
        system.stop()
        system.start()
    assert not system.name(system.held()).log_diverged


def test_the_first_follower_that_names_what_is_gone_stops_all_others(put_back: Restorable) -> None:
    put_back.auth.following.catch_up()
    assert put_back.auth.following.is_log_diverged
    with pytest.raises(FeedDiverged):
        put_back.pull_at_gate()
    assert put_back.replica.is_log_diverged
    assert not put_back.replica.is_fresh()


def test_it_is_remembered_by_the_database_and_by_every_process_over_it(put_back: Restorable) -> None:
    assert put_back.name(put_back.held()).log_diverged
    put_back.stop()
    put_back.start()
    page = put_back.keys.feed.pull(None)
    assert (page.log_diverged, page.events, page.signed_head) == (True, (), None)


def test_a_gate_that_holds_what_is_gone_shows_it_too(system: Restorable) -> None:
    dump = system.dump()
    system.create()
    system.auth.following.catch_up()
    system.pull_at_gate()
    gate = system.replica
    system.put_back(dump)
    page = system.keys.feed.pull(gate.grants.place, held=gate._held())
    assert page.log_diverged


COMMANDS: dict[str, Callable[[Restorable, str], object]] = {
    "creation": lambda system, _: system.create(),
    "revocation": lambda system, key: system.keys.commands.revoke(
        system.organisation, key, Reason.UNSPECIFIED, None, ORIGIN
    ),
    "deletion": lambda system, key: system.keys.commands.delete(system.organisation, key, ORIGIN),
    "registration": lambda system, _: system.keys.commands.organisations.register("Another", "free", ORIGIN),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_is_taken(put_back: Restorable, command: str) -> None:
    put_back.auth.following.catch_up()
    with pytest.raises(LogDiverged):
        COMMANDS[command](put_back, put_back.stolen)


def test_neither_is_one_that_has_nothing_to_do(system: Restorable) -> None:
    ended = system.create()

    def revoke() -> Any:
        return system.keys.commands.revoke(system.organisation, ended.key_id, Reason.UNSPECIFIED, None, ORIGIN)

    revoke()
    dump = system.dump()
    system.create()
    system.follow()
    system.put_back(dump)
    assert revoke().receipt.proof is not None
    system.auth.following.catch_up()
    with pytest.raises(LogDiverged):
        revoke()


def test_neither_over_rpc_nor_by_the_sweep(put_back: Restorable) -> None:
    put_back.auth.following.catch_up()
    with pytest.raises(Unavailable, match="restore accept"):
        RemoteCommands(put_back.keys.commands).suspend(put_back.organisation, put_back.stolen, "somebody", account=None)
    with put_back.keys.database.transaction() as tx:
        tx.execute(text("UPDATE api_key SET expires_at = '2020-01-01T00:00:00.000000Z'"))
    assert put_back.keys.sweep.run() == 0


def test_auth_verifies_nothing_by_it(put_back: Restorable) -> None:
    service = AuthService()
    service.book, service.clock, service.keys = put_back.auth.book, put_back.clock, put_back.auth.following
    verify: Callable[[str], Any] = service.verify  # answers what goes on the wire
    assert verify(DIGEST)["problem"] == Refusal.INVALID_KEY.value
    put_back.auth.following.catch_up()
    assert verify(DIGEST)["problem"] == Refusal.LOG_DIVERGED.value


@pytest.mark.parametrize(
    "altered",
    [
        lambda head: replace(head, position=head.position + 1),
        lambda head: replace(head, hash="0" * 64),
        lambda head: replace(head, epoch="another", signature=""),
        lambda head: replace(head, signer="x" * 43),
    ],
)
def test_an_invented_head_stops_nobody(system: Restorable, altered: Callable[[Any], Any]) -> None:
    system.create()
    system.follow()
    assert not system.name(altered(system.held())).log_diverged
    system.create()


def test_neither_does_one_that_a_stranger_signed(system: Restorable) -> None:
    system.follow()
    elsewhere = replace(system.held().head, position=10_000)
    forged = HeadSigner(Signer(new_private_key()), system.clock).latest(elsewhere)
    assert not system.name(forged).log_diverged


def test_a_head_signed_by_a_key_that_was_replaced_counts(put_back: Restorable) -> None:
    put_back.stop()
    put_back.signer = Signer(new_private_key())
    put_back.start()
    assert put_back.name(put_back.held()).log_diverged


def test_a_follower_without_any_signed_head_adopts_what_it_finds(put_back: Restorable) -> None:
    """As one of an earlier release, or one that never followed."""
    with put_back.auth.database.transaction() as tx:
        tx.execute(text("DELETE FROM kept_head"))
    put_back.auth.following.catch_up()
    assert not put_back.auth.following.is_log_diverged
    put_back.pull_at_gate()
    assert put_back.replica.is_fresh()


def test_what_auth_holds_is_left_as_it_is_until_the_restore_is_accepted(put_back: Restorable) -> None:
    before = put_back.auth.book.snapshot()
    for _ in range(3):
        put_back.auth.following.catch_up()
    assert put_back.auth.book.snapshot() == before


def test_the_newer_database_put_in_place_after_all_serves_at_once(system: Restorable) -> None:
    older = system.dump()
    system.create()
    system.follow()
    system.stop()
    newer = system.folder / "newer.db"
    newer.write_bytes((system.folder / "keys.db").read_bytes())
    system.start()
    system.put_back(older)
    system.auth.following.catch_up()
    assert system.auth.following.is_log_diverged
    system.put_back(newer)
    system.auth.following.catch_up()
    assert not system.auth.following.is_log_diverged
    system.create()


def test_a_head_that_moves_on_while_it_is_judged_is_not_marked(put_back: Restorable) -> None:
    """Accepted, or replaced, between the look and the mark: the next look decides."""
    watch = put_back.keys.feed._watch
    assert watch is not None
    seen = put_back.keys.feed.pull(None).head
    put_back.create()
    watch.record(put_back.held(), "auth", seen)
    put_back.create()


def test_another_process_that_has_judged_the_log_before_finds_the_mark(put_back: Restorable) -> None:
    other = Database.sqlite(put_back.folder / "keys.db")
    put_back.auth.following.catch_up()
    with other.reading() as tx:
        assert tx.execute(text("SELECT divergence FROM log_head")).scalar_one() is not None
    other.close()
