"""Lifetimes hold at the moment of the commit, whatever they were when a key was asked for."""

from datetime import timedelta
from typing import Any

import pytest

from services.keys.commands.command_inputs import KeyEdit
from services.keys.lifecycle import decision
from services.keys.lifecycle.key import Access
from services.keys.lifecycle.lifetimes import BeyondLifetime
from services.keys.lifecycle.organisation import ChangeSettings
from tests.examples import ORIGIN
from tests.integration.keys.revocation.world import World

DAY = timedelta(days=1)
READER = ("sensors:read",)


def set_to(world: World, **days: int | None) -> None:
    world.keys.commands.organisations.change_settings(world.organisation_id, ChangeSettings(**days), ORIGIN)


@pytest.fixture
def maximum_comes_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a command's decision and its commit, once, another process sets the maximum to five days."""
    decide = decision.decide

    def decided_too_early(*asked: Any) -> Any:
        events = decide(*asked)
        monkeypatch.setattr(decision, "decide", decide)
        set_to(world, lifetime_max_days=5)
        return events

    monkeypatch.setattr(decision, "decide", decided_too_early)


@pytest.mark.usefixtures("maximum_comes_first")
def test_a_key_that_is_made_while_the_maximum_is_set_is_judged_by_it(world: World) -> None:
    with pytest.raises(BeyondLifetime):
        world.create(permissions=READER, expires_at=world.clock.now() + 9 * DAY)
    assert [type_ for _, type_ in world.log()] == ["OrganisationRegistered", "LifetimesChanged"]


@pytest.mark.usefixtures("maximum_comes_first")
def test_a_key_that_does_not_say_when_it_expires_gets_the_lifetime_of_that_moment(world: World) -> None:
    key_id = world.create(permissions=READER).key_id
    view = world.keys.queries.get_key(world.organisation_id, key_id)
    assert view.expires_at == view.created_at + 5 * DAY


def test_an_edit_is_judged_by_the_maximum_of_its_moment(world: World, request: pytest.FixtureRequest) -> None:
    key_id = world.create(permissions=READER, expires_at=world.clock.now() + DAY).key_id
    request.getfixturevalue("maximum_comes_first")
    edit = KeyEdit(access=lambda _: Access(expires_at=world.clock.now() + 6 * DAY))
    with pytest.raises(BeyondLifetime):
        world.keys.commands.edit(world.organisation_id, key_id, edit, ORIGIN)
    set_to(world, lifetime_max_days=None)
    world.keys.commands.edit(world.organisation_id, key_id, edit, ORIGIN)
