"""Imports of a secret that is known: by one of the same commit, or by the log though its index lost it."""

import pytest
from sqlalchemy import delete

from services.keys import tables
from services.keys.commands.command_inputs import CreatedKeys, ImportRequest
from services.keys.commands.creation import DigestKnown, KeysRefused
from services.keys.encryption.description import Description
from services.keys.views.known_digests import KnownDigests
from tests.examples import ORIGIN
from tests.integration.keys.revocation.world import World

DIGESTS = ("a1" * 32, "b2" * 32, "c3" * 32)


def take(world: World, *digests: str) -> CreatedKeys:
    requests = [
        ImportRequest(digest=digest, description=Description(name="key"), permissions=("sensors:read",))
        for digest in digests
    ]
    return world.keys.commands.create_all(world.organisation_id, requests, ORIGIN)


def test_of_two_in_one_commit_the_first_is_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownDigests, "catch_up", lambda _self: None)  # it waits for the lock, which the test holds

    first, second, third = world.in_one_commit(
        lambda: take(world, *DIGESTS[:2]), lambda: take(world, *DIGESTS[1:]), lambda: take(world, DIGESTS[2])
    )
    assert first.exception() is None
    refused = second.exception()
    assert isinstance(refused, KeysRefused)
    assert {at: type(one) for at, one in refused.refusals.items()} == {0: DigestKnown}
    assert third.exception() is None, "what was refused is not known by it"
    assert [type_ for _, type_ in world.log()].count("KeyCreated") == 3


def test_what_the_index_of_digests_lost_is_known_again_after_a_rebuild(world: World) -> None:
    take(world, *DIGESTS)
    with world.keys.database.transaction() as tx:
        tx.execute(delete(tables.known_digest).where(tables.known_digest.c.digest == DIGESTS[1]))
    world.keys.rebuild()
    with pytest.raises(KeysRefused) as refused:
        take(world, DIGESTS[1])
    assert isinstance(refused.value.refusals[0], DigestKnown)
