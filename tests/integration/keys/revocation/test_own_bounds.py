"""A key's own bounds where its command is committed: those of that moment, whatever they were when it asked."""

from dataclasses import replace
from datetime import timedelta

from services.keys.commands.command_inputs import CreatedKey
from services.keys.lifecycle.bounds import BeyondOwnBounds
from services.keys.lifecycle.commands import EditKey
from services.keys.lifecycle.key import Access
from tests.examples import ORIGIN
from tests.integration.keys.revocation.world import ADMIN, World, fence_of


def test_what_narrowed_it_earlier_in_the_group_bounds_what_it_makes(world: World) -> None:
    maker, target = world.create(), world.create()
    before = world.log()
    commands = world.keys.commands.behind(fence_of(world, maker))
    narrowed = EditKey(access=Access(minute_limit=5))
    ended, created, renewed, passed = world.in_one_commit(
        lambda: world.change(maker.key_id, narrowed),
        lambda: commands.create(world.organisation_id, ADMIN, ORIGIN),
        lambda: commands.rotate(world.organisation_id, target.key_id, timedelta(), ORIGIN),
        lambda: commands.create(world.organisation_id, replace(ADMIN, minute_limit=5), ORIGIN),
    )
    assert ended.exception() is None
    assert isinstance(created.exception(), BeyondOwnBounds)
    assert isinstance(renewed.exception(), BeyondOwnBounds)
    assert isinstance(made := passed.result(), CreatedKey)
    assert world.log()[len(before) :] == [(maker.key_id, "KeyAccessChanged"), (made.key_id, "KeyCreated")]
