"""Fences in a group commit: a command of a key whose power ended earlier in that transaction is refused, and alone."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.commands.command_inputs import CreatedKey
from services.keys.lifecycle.commands import Command, DeleteKey, EditKey, RevokeKey, RotateKey, SuspendKey
from services.keys.lifecycle.key import Access, Reason
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.fence import Fenced
from shared.eventsourcing.audit import audit
from shared.gate.verdict import Refusal
from tests.examples import DIGEST, ORIGIN
from tests.integration.keys.revocation.world import SECRET, World, fence_of, refusal_of

ENDINGS: dict[str, tuple[Command, Refusal]] = {
    "revoked": (RevokeKey(reason=Reason.KEY_COMPROMISE, note=None), Refusal.KEY_REVOKED),
    "suspended": (SuspendKey(), Refusal.KEY_SUSPENDED),
    "rotated": (RotateKey(secret=SECRET, grace=timedelta()), Refusal.KEY_ROTATED),
    "without admin": (EditKey(permissions=("sensors:read",)), Refusal.INSUFFICIENT_PERMISSION),
    "deleted": (DeleteKey(), Refusal.INVALID_KEY),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ended_its_power_earlier_in_the_group_counts_and_is_kept(world: World, ending: str) -> None:
    command, refusal = ENDINGS[ending]
    stolen, other = world.create(), world.create()
    before = world.log()
    ended, refused, passed = world.in_one_commit(
        lambda: world.change(stolen.key_id, command),
        lambda: world.create(fence_of(world, stolen)),
        lambda: world.create(fence_of(world, other)),
    )
    assert ended.exception() is None
    assert refusal_of(refused) is refusal
    assert isinstance(made := passed.result(), CreatedKey)
    kept = world.log()[len(before) :]
    assert {stream for stream, _ in kept} == {stolen.key_id, made.key_id}
    assert kept[-1] == (made.key_id, "KeyCreated")
    assert audit(world.keys.store).findings == ()
    with world.keys.database.reading() as tx:
        # The refused creation's data key went with it.
        known = set(tx.execute(select(tables.data_key.c.key_id)).scalars())
    assert known == {stolen.key_id, other.key_id, made.key_id} - ({stolen.key_id} if ending == "deleted" else set())


def test_what_came_first_in_the_group_is_kept(world: World) -> None:
    stolen = world.create()
    made, ended = world.in_one_commit(
        lambda: world.create(fence_of(world, stolen)), lambda: world.change(stolen.key_id, ENDINGS["revoked"][0])
    )
    assert isinstance(made.result(), CreatedKey)
    assert ended.exception() is None


def test_a_command_decided_again_is_judged_again(world: World) -> None:
    """It meets another change of the same key, and when it is decided again the key that asks is revoked."""
    stolen, target = world.create(), world.create()
    first, met, ended = world.in_one_commit(
        lambda: world.change(target.key_id, SuspendKey()),
        lambda: world.change(target.key_id, EditKey(permissions=("sensors:read",)), fence_of(world, stolen)),
        lambda: world.change(stolen.key_id, ENDINGS["revoked"][0]),
    )
    assert (first.exception(), ended.exception()) == (None, None)
    assert refusal_of(met) is Refusal.KEY_REVOKED
    assert [type_ for stream, type_ in world.log() if stream == target.key_id] == ["KeyCreated", "KeySuspended"]


def test_in_its_grace_the_older_secret_passes_and_not_after(world: World) -> None:
    created = world.create()
    world.change(created.key_id, RotateKey(secret=SECRET, grace=timedelta(seconds=60)))
    newer = fence_of(world, created, digest=DIGEST)
    world.clock.advance(59)
    for fence in (fence_of(world, created), newer):
        world.create(fence)
    world.clock.advance(1.001)  # a rotation is a microsecond younger than the creation before it
    world.create(newer)
    with pytest.raises(Fenced, match="key-rotated"):
        world.create(fence_of(world, created))


def test_a_key_past_its_expiry_makes_nothing(world: World) -> None:
    created = world.create()
    expires_at = world.clock.now() + timedelta(seconds=60)
    world.change(created.key_id, EditKey(access=Access(expires_at=expires_at)))
    world.create(fence_of(world, created), expires_at=expires_at)
    world.clock.advance(60)
    with pytest.raises(Fenced, match="key-expired"):
        world.create(fence_of(world, created), expires_at=expires_at)


def test_many_keys_are_revoked_behind_the_fence_or_none(world: World) -> None:
    stolen, one, two = world.create(), world.create(), world.create()
    world.change(stolen.key_id, SuspendKey())
    commands, ids = world.keys.commands.behind(fence_of(world, stolen)), (one.key_id, two.key_id)
    before = world.log()
    with pytest.raises(Fenced, match="key-suspended"):
        commands.revoke_all(world.organisation_id, ids, Reason.SUPERSEDED, None, ORIGIN)
    assert world.log() == before


def test_an_organisation_s_settings_are_behind_the_fence(world: World) -> None:
    stolen = world.create()
    world.change(stolen.key_id, ENDINGS["revoked"][0])
    before = world.log()
    organisations = world.keys.commands.behind(fence_of(world, stolen)).organisations
    with pytest.raises(Fenced, match="key-revoked"):
        organisations.change_settings(world.organisation_id, ChangeSettings(unused_expiry_days=30), ORIGIN)
    assert world.log() == before


def test_suspended_it_may_still_give_itself_up(world: World) -> None:
    created = world.create()
    world.change(created.key_id, SuspendKey())
    commands = world.keys.commands.behind(fence_of(world, created, None, gives_up=True))
    commands.revoke(world.organisation_id, created.key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
    assert world.log()[-1] == (created.key_id, "KeyRevoked")


def test_a_command_that_has_nothing_to_do_is_not_refused(world: World) -> None:
    created = world.create()
    for _ in range(2):
        world.change(created.key_id, SuspendKey(), fence_of(world, created))


def test_a_row_without_digests_is_nobody_s(world: World) -> None:
    created = world.create()
    with world.keys.database.transaction() as tx:
        tx.execute(tables.api_key.update().values(digest=None))
    for digest in (created.secret.digest, ""):
        with pytest.raises(Fenced, match="invalid-key"):
            world.create(fence_of(world, created, digest=digest))
    world.keys.rebuild()
    world.create(fence_of(world, created))
