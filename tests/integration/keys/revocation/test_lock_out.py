"""The last usable admin key under the log's lock: of two that take it at once one is refused; the sweep spares it."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
import structlog

from services.keys.commands.command_inputs import MADE_IN_A_DAY, CreatedKey, KeyEdit
from services.keys.lifecycle.key import Access, Reason, Status
from services.keys.lifecycle.lock_out import LockOut, Loss
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.fence import Fenced
from shared.eventsourcing.audit import audit
from shared.eventsourcing.origin import Origin
from tests.examples import ORIGIN
from tests.integration.keys.revocation.world import World, fence_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def behind(world: World, asker: CreatedKey, **different: Any) -> Any:
    return world.keys.commands.behind(fence_of(world, asker, **different))


def ends_within_an_hour(world: World, asker: CreatedKey, target: CreatedKey) -> Callable[[], object]:
    edit = KeyEdit(access=lambda _: Access(expires_at=world.clock.now() + HOUR))
    return lambda: behind(world, asker).edit(world.organisation_id, target.key_id, edit, by(asker))


def revokes(world: World, asker: CreatedKey, target: CreatedKey) -> Callable[[], object]:
    return lambda: behind(world, asker).revoke(
        world.organisation_id, target.key_id, Reason.UNSPECIFIED, None, by(asker), MADE_IN_A_DAY
    )


def gives_up(world: World, asker: CreatedKey) -> Callable[[], object]:
    return lambda: behind(world, asker, permission=None, gives_up=True).revoke(
        world.organisation_id, asker.key_id, Reason.UNSPECIFIED, None, by(asker), MADE_IN_A_DAY
    )


def by(asker: CreatedKey) -> Origin:
    return Origin(actor=asker.key_id)


def admins(world: World, *created: CreatedKey) -> list[bool]:
    """Which of them are active, and last another day."""
    until = world.clock.now() + DAY
    keys = [world.keys.queries.get_key(world.organisation_id, each.key_id) for each in created]
    return [key.status is Status.ACTIVE and (key.expires_at is None or key.expires_at > until) for key in keys]


@pytest.mark.parametrize("seed", range(4))
def test_of_what_would_take_both_at_once_one_is_refused(world: World, seed: int) -> None:
    """Each alone is right. Together in one commit, and in commits of their own, in an order that the seed chooses."""
    chance = random.Random(seed)
    one, two = world.create(), world.create()
    pair = chance.sample([one, two], 2)
    change = chance.choice([revokes, ends_within_an_hour])
    calls = [change(world, asker, target) for asker, target in (pair, pair[::-1])]
    if chance.random() < 0.5 and change is ends_within_an_hour:
        calls = [ends_within_an_hour(world, each, each) for each in pair]
    first, second = world.in_one_commit(*calls)
    assert first.exception() is None
    assert isinstance(second.exception(), LockOut if change is ends_within_an_hour else Fenced)
    assert sorted(admins(world, one, two)) == [False, True]
    assert audit(world.keys.store).findings == ()


def test_who_gives_itself_up_first_leaves_the_other_the_last(world: World) -> None:
    one, two = world.create(), world.create()
    given_up, refused = world.in_one_commit(gives_up(world, one), ends_within_an_hour(world, two, two))
    assert given_up.exception() is None
    assert loss_of(refused) is Loss.LAST_ADMIN_KEY


def loss_of(call: Future[object]) -> Loss:
    error = call.exception()
    assert isinstance(error, LockOut), error
    return error.loss


def test_another_organisation_s_admin_key_is_no_way_back(world: World) -> None:
    sole = world.create()
    elsewhere = world.keys.commands.organisations.register("Bahn", "free", ORIGIN)
    world.organisation_id, here = elsewhere, world.organisation_id
    world.create()
    world.organisation_id = here
    with pytest.raises(LockOut, match="no admin key left"):
        ends_within_an_hour(world, sole, sole)()


def expire_after(world: World, days: int) -> None:
    settings = ChangeSettings(unused_expiry_days=days)
    world.keys.commands.organisations.change_settings(world.organisation_id, settings, ORIGIN)


def test_the_sweep_spares_the_admin_key_that_was_used_last_and_goes_on_with_the_others(world: World) -> None:
    """One busy worker key is enough for usage to be known; every admin key is idle."""
    older, latest = world.create(), world.create()
    worker = world.create(permissions=("sensors:read",))
    idle = world.create(permissions=("sensors:read",))
    world.keys.last_use.record({latest.key_id: world.clock.now() + HOUR})
    expire_after(world, 7)
    with structlog.testing.capture_logs() as lines:
        for _ in range(20):
            world.clock.advance(DAY.total_seconds())
            world.keys.last_use.record({worker.key_id: world.clock.now()})
            world.keys.sweep.run()
    assert admins(world, older, latest) == [False, True]
    assert admins(world, worker, idle) == [True, False]
    assert {(line["event"], line["key_id"]) for line in lines} == {("last_admin_key_not_expired", latest.key_id)}
    # With another admin key in use, it expires like any other.
    used = world.create()
    for _ in range(2):
        world.clock.advance(DAY.total_seconds())
        world.keys.last_use.record({used.key_id: world.clock.now()})
        world.keys.sweep.run()
    assert admins(world, older, latest, used) == [False, False, True]


def test_a_spared_admin_key_is_still_warned_of_its_own_expiry_and_expires_by_it(world: World) -> None:
    sole = world.create(expires_at=world.clock.now() + 30 * DAY)
    worker = world.create(permissions=("sensors:read",))
    expire_after(world, 7)
    for _ in range(31):
        world.clock.advance(DAY.total_seconds())
        world.keys.last_use.record({worker.key_id: world.clock.now()})
        world.keys.sweep.run()
    told = [
        (entry.facts["days_left"], entry.facts["reason"])
        for entry in world.keys.history.of_key(world.organisation_id, sole.key_id)
        if entry.type == "KeyExpiryNear"
    ]
    assert sorted(told) == [(1, "time"), (3, "time"), (7, "unused"), (14, "time")]
    assert admins(world, sole) == [False]


def test_unused_expiry_is_not_set_where_only_a_key_that_ends_soon_is_in_use(world: World) -> None:
    idle = world.create()
    world.clock.advance(10 * DAY.total_seconds())
    asker = world.create(expires_at=world.clock.now() + HOUR)

    def set_to(days: int, **different: Any) -> None:
        commands = behind(world, asker, **different).organisations
        commands.change_settings(world.organisation_id, ChangeSettings(unused_expiry_days=days), by(asker))

    with pytest.raises(LockOut, match="no admin key left"):
        set_to(7)
    set_to(11)
    set_to(7, forces=True)
    world.keys.last_use.record({idle.key_id: world.clock.now()})
    set_to(8)


def test_unused_expiry_takes_nothing_from_an_organisation_without_a_usable_admin_key(world: World) -> None:
    """As every change of one whose only admin key ends soon: it may go on working."""
    sole = world.create(expires_at=world.clock.now() + HOUR)
    world.clock.advance(HOUR.total_seconds() / 2)
    behind(world, sole).organisations.change_settings(
        world.organisation_id, ChangeSettings(unused_expiry_days=7), by(sole)
    )
    assert world.keys.queries.organisation(world.organisation_id).unused_expiry_days == 7
