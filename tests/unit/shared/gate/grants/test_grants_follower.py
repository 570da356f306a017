"""A gate's grants follow the log; what they cannot apply refuses one key, and never guesses about it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.keys.publication import publish
from shared.contracts.envelope import CloudEvent
from shared.gate.grants.grant import Snapshot, Status
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.replication.feed import FeedUnavailable
from tests import examples

OTHER_KEY_ID = "key_0ther0ther0ther0ther00"
CREATED = publish(examples.key_created())
OTHER_CREATED = publish(examples.key_created(key_id=OTHER_KEY_ID, digest="other digest"))
REVOKED = publish(examples.key_revoked())
REGISTERED = publish(examples.organisation_registered())
EMPTY = Snapshot(place=None, grants=(), tiers={}, policy={})


def numbered(*publics: object) -> list[CloudEvent]:
    return [_envelope(position, public) for position, public in enumerate(publics, start=1)]


def following(*publics: object) -> tuple[Grants, GrantsFollower]:
    grants = Grants()
    follower = GrantsFollower(grants, lambda: EMPTY, distrust=lambda: None)
    follower.apply(numbered(*publics))
    return grants, follower


def _envelope(position: int, public: object) -> CloudEvent:
    data: dict[str, Any] = msgspec.to_builtins(public)
    return CloudEvent(
        id=f"e-{position}",
        source="/grillo/keys",
        type=type(public).__name__,
        time=examples.NOON,
        subject=data.get("key_id") or data["organisation_id"],
        epoch="e",
        position=position,
        hash=f"{position:064}",
        data=data,
    )


def test_grants_are_what_the_events_add_up_to() -> None:
    grants, _ = following(REGISTERED, CREATED, OTHER_CREATED, REVOKED)
    revoked, other = grants.by_digest(examples.DIGEST), grants.by_id(OTHER_KEY_ID)
    assert revoked is not None
    assert other is not None
    assert (revoked.status, other.status) == (Status.REVOKED, Status.ACTIVE)
    assert grants.tier(examples.ORGANISATION_ID) == "standard"


def test_applied_once_more_nothing_changes_and_no_revoked_key_wakes() -> None:
    history = (REGISTERED, CREATED, OTHER_CREATED, REVOKED)
    grants, follower = following(*history)
    before = grants.state()
    for event in numbered(*history):
        follower.apply([event])
        assert grants.state() == before


@pytest.mark.parametrize(
    "spoilt",
    [
        {"key_id": examples.KEY_ID, "organisation_id": examples.ORGANISATION_ID},
        {"key_id": examples.KEY_ID, "organisation_id": 7, "revoked_at": "2026-11-23T12:00:00Z", "reason": ""},
        {"key_id": examples.KEY_ID, "organisation_id": "o", "revoked_at": "soon", "reason": "unspecified"},
    ],
)
def test_an_event_that_does_not_fit_refuses_its_key_and_no_other(spoilt: dict[str, object]) -> None:
    registered, created, other_created, revoked = numbered(REGISTERED, CREATED, OTHER_CREATED, REVOKED)
    grants = Grants()
    follower = GrantsFollower(grants, lambda: EMPTY, distrust=lambda: None)
    follower.apply([registered, created, replace(revoked, position=3, data=spoilt), replace(other_created, position=4)])
    key, other = grants.by_id(examples.KEY_ID), grants.by_id(OTHER_KEY_ID)
    assert key is not None
    assert other is not None
    assert grants.is_unappliable(key)
    assert not grants.is_unappliable(other)
    assert follower.checkpoint() == replace(other_created, position=4).place


def test_an_event_about_a_key_that_nothing_created_is_not_guessed_at() -> None:
    grants, _ = following(REGISTERED, REVOKED, CREATED)
    assert grants.unappliable == {examples.KEY_ID}
    assert grants.by_id(examples.KEY_ID) is None


def test_later_events_of_a_refused_key_do_not_clear_it_and_a_snapshot_does() -> None:
    grants, follower = following(REGISTERED, CREATED)
    grants.unappliable.add(examples.KEY_ID)
    follower.apply([_envelope(3, REVOKED)])
    key = grants.by_id(examples.KEY_ID)
    assert key is not None
    assert grants.is_unappliable(key)
    follower.restart()
    assert not grants.unappliable
    assert len(grants) == 0


PAINTED = replace(_envelope(3, REVOKED), type="KeyPainted", data={"key_id": examples.KEY_ID, "colour": "blue"})


@pytest.mark.parametrize("painted", [replace(PAINTED, data=None), replace(PAINTED, ignorable=True)])
def test_an_event_that_is_not_for_gates_only_moves_the_place(painted: CloudEvent) -> None:
    grants, follower = following(REGISTERED, CREATED)
    before = grants.state()
    follower.apply([painted])
    assert (grants.state(), grants.unappliable, follower.checkpoint()) == (before, set(), painted.place)


def test_an_event_of_a_newer_release_refuses_its_key_for_it_may_take_power_away() -> None:
    grants, follower = following(REGISTERED, CREATED, OTHER_CREATED)
    follower.apply([replace(PAINTED, position=4)])
    assert grants.unappliable == {examples.KEY_ID}
    assert follower.checkpoint() == replace(PAINTED, position=4).place


def test_without_a_snapshot_to_be_had_the_old_state_stands() -> None:
    grants, _ = following(REGISTERED, CREATED)
    before, place = grants.state(), grants.place

    def unavailable() -> Snapshot:
        raise FeedUnavailable("auth is away")

    with pytest.raises(FeedUnavailable):
        GrantsFollower(grants, unavailable, distrust=lambda: None).restart()
    assert (grants.state(), grants.place) == (before, place)
