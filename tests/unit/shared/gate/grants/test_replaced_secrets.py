"""A gate knows the newest secrets that were replaced, of each key: to say so, and never to admit one again."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.keys import KeyExpired, KeyRotated
from shared.gate.authentication.credential import digest_of
from shared.gate.grants.grant import REPLACED_MAX, Grant, evolve
from shared.gate.grants.grants import Grants
from tests.gate_examples import NOW, ORGANISATION, created, grants_of, secret

OF_KEY: dict[str, Any] = {"key_id": "key_1", "organisation_id": ORGANISATION}
GRACE = timedelta(hours=1)
# What keys decides: without grace, with one, or instead of the newest secret while the one before works on.
kinds = st.sampled_from(["none", "grace", "instead"])


def rotated(number: int, grant: Grant, kind: str) -> KeyRotated:
    more: dict[str, Any] = {}
    if kind == "instead" and grant.previous_digest is not None:
        more = {"previous_digest": grant.previous_digest, "previous_until": grant.grace_until}
    elif kind != "none":
        more = {"grace_until": NOW + GRACE}
    return KeyRotated(**OF_KEY, digest=digest_of(secret(number)), hint="grl_…", rotated_at=NOW, **more)


@given(st.lists(kinds, max_size=2 * REPLACED_MAX))
def test_every_secret_works_or_is_among_the_newest_replaced_or_is_forgotten(rotations: list[str]) -> None:
    followed, alive, ended = Grants(), [digest_of(secret(1))], list[str]()
    followed.apply(created(1))
    for number, kind in enumerate(rotations, 2):
        grant = followed.by_id("key_1")
        assert grant is not None
        event = rotated(number, grant, kind)
        followed.apply(event)
        kept = {"none": [], "grace": alive[-1:], "instead": alive[:-1] or alive}[kind]
        ended += [digest for digest in alive if digest not in kept]
        alive = [*kept, event.digest]
        whole = followed.by_id("key_1")
        assert whole is not None
        assert list(whole.replaced) == ended[-REPLACED_MAX:]
        loaded = grants_of(whole)
        assert loaded.by_id("key_1") == whole
        for grants in (followed, loaded):
            assert all(_accepts(grants, digest) for digest in alive)
            assert not any(_accepts(grants, digest) for digest in ended)
            known = [digest for digest in ended if grants.by_replaced(digest) == whole]
            assert known == ended[-REPLACED_MAX:]
            assert [grants.by_replaced(digest) for digest in alive] == [None] * len(alive)


def test_no_rotation_wakes_a_secret_that_was_replaced_or_had_expired() -> None:
    """Not that of an expired key by a grace; and `instead` keeps what works, whatever it says of another."""
    expired = evolve(_created(), KeyExpired(**OF_KEY, expired_at=NOW, reason="unused"))
    by_grace = evolve(expired, rotated(2, expired, "grace"))
    assert not by_grace.accepts(digest_of(secret(1)), NOW.timestamp())
    until = NOW + GRACE
    replaced = evolve(_created(), rotated(2, _created(), "none"))
    woken = KeyRotated(
        **OF_KEY,
        digest=digest_of(secret(3)),
        hint="",
        rotated_at=NOW,
        previous_digest=digest_of(secret(1)),
        previous_until=until,
    )
    assert not evolve(replaced, woken).accepts(digest_of(secret(1)), NOW.timestamp())
    assert evolve(replaced, woken).replaced == (digest_of(secret(2)), digest_of(secret(1)))


def _created() -> Grant:
    return evolve(None, created(1))


def _accepts(grants: Grants, digest: str) -> bool:
    grant = grants.by_digest(digest)
    return grant is not None and grant.accepts(digest, NOW.timestamp())
