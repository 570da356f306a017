"""What a revoked key made: told whole, ended in the same append if asked, and nothing in between."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.commands import revoker
from services.keys.commands.command_inputs import (
    MADE_IN_A_DAY,
    CreatedKey,
    KeyEdit,
    Made,
    MadeQuery,
    Revocation,
)
from services.keys.lifecycle.commands import EditKey
from services.keys.lifecycle.key import Access, NoSuchKey, Reason
from services.keys.views import makings
from shared.eventsourcing import repository
from shared.eventsourcing.audit import audit
from shared.eventsourcing.origin import Origin
from shared.gate.verdict import Refusal
from tests.examples import ORIGIN
from tests.integration.keys.revocation.world import ADMIN, World, fence_of, refusal_of

ALSO = MadeQuery(revoke=True)


def create(world: World, by: CreatedKey) -> CreatedKey:
    return world.keys.commands.create(world.organisation_id, ADMIN, Origin(actor=by.key_id))


def rotate(world: World, key: CreatedKey, by: CreatedKey) -> None:
    world.keys.commands.rotate(world.organisation_id, key.key_id, timedelta(), Origin(actor=by.key_id))


def revoke(world: World, *keys: CreatedKey, made: MadeQuery = MADE_IN_A_DAY, by: str = ORIGIN.actor) -> Revocation:
    revoke_all, ids = world.keys.commands.revoke_all, tuple(key.key_id for key in keys)
    return revoke_all(world.organisation_id, ids, Reason.KEY_COMPROMISE, None, Origin(actor=by), made)


def ids(*keys: CreatedKey) -> list[str]:
    return sorted(key.key_id for key in keys)


def revoked(world: World) -> list[str]:
    with world.keys.database.reading() as tx:
        rows = tx.execute(select(tables.api_key.c.id).where(tables.api_key.c.revoked_at.is_not(None)))
        return sorted(rows.scalars())


def test_it_tells_what_the_key_made_and_renewed_and_those_in_turn(world: World) -> None:
    stolen, owner_s, other = world.create(), world.create(), world.create()
    early = create(world, owner_s)
    made = create(world, stolen)
    deeper = create(world, made)
    rotate(world, owner_s, by=deeper)
    late = create(world, owner_s)
    create(world, other)
    told = revoke(world, stolen).made
    assert sorted(told.ids) == ids(made, deeper, owner_s, late)
    assert told.renewed == (owner_s.key_id,)
    assert told.is_complete
    assert early.key_id not in told.ids
    assert revoked(world) == ids(stolen)
    world.keys.rebuild()
    assert world.keys.commands.revoker.told((stolen.key_id,), MadeQuery()) == told


def test_it_tells_of_a_new_secret_that_came_with_an_edit(world: World) -> None:
    stolen, target = world.create(), world.create()
    edit = KeyEdit(permissions=("sensors:read",), regenerate=True)
    world.keys.commands.edit(world.organisation_id, target.key_id, edit, Origin(actor=stolen.key_id))
    assert revoke(world, stolen).made == Made(ids=(target.key_id,), renewed=(target.key_id,))


def test_what_a_deleted_key_made_is_found_through_it(world: World) -> None:
    stolen = world.create()
    between = create(world, stolen)
    hidden = create(world, between)
    world.keys.commands.delete(world.organisation_id, between.key_id, Origin(actor=hidden.key_id))
    assert revoke(world, stolen).made.ids == (hidden.key_id,)


def test_since_when_is_the_caller_s_to_say(world: World) -> None:
    stolen, renewed = world.create(), world.create()
    old = create(world, stolen)
    world.clock.advance(86_400 * 2)
    rotate(world, old, by=stolen)
    rotate(world, renewed, by=stolen)
    told = world.keys.commands.revoker.told
    # What was made before counts as renewed: it has been its owner's for two days.
    assert sorted(told((stolen.key_id,), MadeQuery()).renewed) == ids(old, renewed)
    since = MadeQuery(since=world.clock.now() - timedelta(days=3), revoke=True)
    assert told((stolen.key_id,), since).renewed == (renewed.key_id,)
    revoke(world, stolen, made=since)
    assert revoked(world) == ids(stolen, old)
    assert told((stolen.key_id,), MadeQuery(since=world.clock.now() + timedelta(seconds=1))) == Made()


def test_also_made_ends_the_made_in_the_same_append_and_leaves_the_renewed(world: World) -> None:
    stolen, owner_s = world.create(), world.create()
    made = [create(world, stolen) for _ in range(3)]
    made.append(create(world, made[0]))
    rotate(world, owner_s, by=stolen)
    before = world.log()
    done = revoke(world, stolen, made=ALSO)
    assert revoked(world) == ids(stolen, *made)
    assert done.made.renewed == (owner_s.key_id,)
    added = world.log()[len(before) :]
    assert sorted(added) == [(key_id, "KeyRevoked") for key_id in ids(stolen, *made)]
    assert done.receipt.position == len(world.log())
    assert audit(world.keys.store).findings == ()
    # Again it changes nothing, and tells the same.
    assert sorted(revoke(world, stolen, made=ALSO).made.ids) == sorted(done.made.ids)
    assert len(world.log()) == len(before) + len(added)


def test_asked_again_it_ends_what_was_made_and_only_told_before(world: World) -> None:
    stolen = world.create()
    made = create(world, stolen)
    revoke(world, stolen)
    revoke(world, stolen, made=ALSO)
    assert revoked(world) == ids(stolen, made)


def test_all_of_it_is_ended_or_nothing(world: World) -> None:
    stolen = world.create()
    create(world, stolen)
    before = world.log()
    nobody_s = replace(stolen, key=replace(stolen.key, id="key_none"))
    with pytest.raises(NoSuchKey):
        revoke(world, stolen, nobody_s, made=ALSO)
    assert world.log() == before


def test_whoever_ends_itself_does_so_last(world: World) -> None:
    caller = world.create()
    other, made = world.create(), create(world, caller)
    before = world.log()
    revoke(world, caller, other, made=ALSO, by=caller.key_id)
    assert [stream for stream, _ in world.log()[len(before) :]] == [made.key_id, other.key_id, caller.key_id]


@pytest.mark.parametrize("also", [False, True])
def test_what_the_thief_makes_meanwhile_is_told_or_refused(world: World, also: bool) -> None:
    """In one commit: before the revocation it is found, behind it the fence refuses it."""
    stolen = world.create()
    commands, thief = world.keys.commands.behind(fence_of(world, stolen)), Origin(actor=stolen.key_id)
    first, ended, second = world.in_one_commit(
        lambda: commands.create(world.organisation_id, ADMIN, thief),
        lambda: revoke(world, stolen, made=MadeQuery(revoke=also)),
        lambda: commands.create(world.organisation_id, ADMIN, thief),
    )
    made = result(first)
    assert ended.result().made.ids == (made.key_id,)  # type: ignore[attr-defined]
    assert refusal_of(second) is Refusal.KEY_REVOKED
    assert revoked(world) == (ids(stolen, made) if also else ids(stolen))


def test_who_changes_the_key_all_the_time_keeps_no_revocation_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other command on that key is decided again; this one never has to be."""
    monkeypatch.setattr(repository, "_ATTEMPTS_MAX", 1)
    stolen = world.create()
    edited, conflicting, ended = world.in_one_commit(
        lambda: world.change(stolen.key_id, EditKey(access=Access(minute_limit=5))),
        lambda: world.change(stolen.key_id, EditKey(access=Access(minute_limit=6))),
        lambda: revoke(world, stolen),
    )
    assert (edited.exception(), ended.exception()) == (None, None)
    assert isinstance(conflicting.exception(), repository.TooMuchContention)
    types = [type_ for stream, type_ in world.log() if stream == stolen.key_id]
    assert types == ["KeyCreated", "KeyAccessChanged", "KeyRevoked"]


def test_it_says_when_there_is_more_and_comes_to_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoker, "MADE_MAX", 2)
    stolen = world.create()
    made = [create(world, stolen) for _ in range(5)]
    told: list[Sequence[Any]] = []
    for _ in range(3):
        outcome = revoke(world, stolen, made=ALSO).made
        told.append((len(outcome.ids), outcome.is_complete))
    assert told == [(2, False)] * 3
    assert revoked(world) == ids(stolen, *made)


def test_what_is_read_under_the_lock_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stolen = world.create()
    for _ in range(3):
        create(world, stolen)
    assert revoke(world, stolen).made.is_complete
    monkeypatch.setattr(makings, "READ_MAX", 2)
    assert not revoke(world, stolen).made.is_complete


def result(call: Any) -> CreatedKey:
    created: CreatedKey = call.result()
    return created
