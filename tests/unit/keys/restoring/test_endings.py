"""What must not live again after a restore, and how it is ended again."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce

import pytest

from services.keys.lifecycle import commands
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Key, Reason, evolve
from services.keys.restoring.endings import KnownDead, ending, known_dead
from shared.contracts.dead import DeadSecret
from tests import examples
from tests.examples import NOON

LATER = NOON + timedelta(days=1)
DIGEST = examples.key_created().digest
REVOKE = commands.RevokeKey(reason=Reason.UNSPECIFIED, note=None)


def key(*done: commands.Command, **different: object) -> Key:
    """A key as the log that was put back has it."""
    state: Key | None = evolve(None, examples.key_created(key_id="key_1", **different))
    for command in done:
        state = reduce(evolve, decide(state, command, NOON), state)
    assert state is not None
    return state


def dead(why: str, key_id: str = "key_1", digest: str = "another", at: datetime = NOON) -> DeadSecret:
    return DeadSecret(digest=digest, key_id=key_id, organisation_id="org_1", hint=None, why=why, at=at)


def test_each_kind_of_end_is_known_for_what_it_is() -> None:
    known = known_dead(
        [dead("revoked", "key_r"), dead("deleted", "key_d"), dead("suspended", "key_s"), dead("rotated", digest="d1"),
         dead("expired", digest="d2")],
        ["key_gone"],
    )  # fmt: skip
    assert known.revoked == {"key_r"}
    assert known.deleted == {"key_d", "key_gone"}
    assert known.suspended == {"key_s"}
    assert known.digests == {"another", "d1", "d2"}


@pytest.mark.parametrize(
    ("known", "command"),
    [
        (KnownDead(), None),
        (KnownDead(revoked=frozenset({"key_1"})), REVOKE),
        (KnownDead(deleted=frozenset({"key_1"})), commands.DeleteKey()),
        (KnownDead(deleted=frozenset({"key_1"}), revoked=frozenset({"key_1"})), commands.DeleteKey()),
        (KnownDead(suspended=frozenset({"key_1"})), commands.SuspendKey()),
        (KnownDead(digests=frozenset({DIGEST})), commands.SuspendKey()),
        (KnownDead(digests=frozenset({"another"})), None),
        (KnownDead(revoked=frozenset({"key_2"})), None),
    ],
)
def test_what_is_known_dead_and_lives_is_ended(known: KnownDead, command: commands.Command | None) -> None:
    assert ending(key(), known, LATER) == command


@pytest.mark.parametrize("done", [commands.SuspendKey(), REVOKE, commands.DeleteKey()])
def test_what_has_ended_in_this_log_too_is_left_as_it_is(done: commands.Command) -> None:
    known = KnownDead(suspended=frozenset({"key_1"}), digests=frozenset({DIGEST}))
    assert ending(key(done), known, LATER) is None


def test_a_revoked_key_is_deleted_again_and_a_suspended_one_revoked() -> None:
    known = KnownDead(deleted=frozenset({"key_1"}))
    assert ending(key(REVOKE), known, LATER) == commands.DeleteKey()
    known = KnownDead(revoked=frozenset({"key_1"}))
    assert ending(key(commands.SuspendKey()), known, LATER) == REVOKE


def test_ending_again_what_was_ended_finds_nothing_to_do() -> None:
    known = KnownDead(revoked=frozenset({"key_1"}), digests=frozenset({DIGEST}))
    command = ending(key(), known, LATER)
    assert command is not None
    ended: Key | None = key()
    for event in decide(ended, command, LATER):
        ended = evolve(ended, event)
    assert ended is not None
    assert ending(ended, known, LATER) is None


def test_an_expired_key_needs_no_end() -> None:
    expired = key(expires_at=NOON + timedelta(hours=1))
    assert ending(expired, KnownDead(digests=frozenset({DIGEST})), LATER) is None


def test_no_digest_is_in_the_repr() -> None:
    assert "d1" not in repr(replace(KnownDead(), digests=frozenset({"d1"})))
