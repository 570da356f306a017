"""A restore that would bring thirteen kinds of dead secrets back to life: none lives once it is accepted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, text

from services.auth.dead_secrets.dead_secret_store import page
from services.keys import tables
from services.keys.commands.command_inputs import CreatedKey, ImportRequest, KeyEdit
from services.keys.commands.creation import DigestKnown, KeysRefused
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Access, Reason
from services.keys.restoring.endings import KnownDead, known_dead
from services.keys.restoring.look import Accepted, Memories
from shared.gate.verdict import Refusal, judge
from tests.examples import ORIGIN
from tests.gate_examples import presented
from tests.integration.keys.restoring.restorable import Restorable

HOUR = timedelta(hours=1)
End = Callable[[Restorable, str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`before`: what befell the key in what the dump holds. `end`: what ended its secret, and was lost."""

    end: End
    status: str | None  # of the key in keys, once the restore is accepted; None: it is gone
    before: End = lambda system, key: None


def rotate(system: Restorable, key: str, grace: timedelta = timedelta(), *, instead: bool = False) -> object:
    return system.keys.commands.rotate(system.organisation, key, grace, ORIGIN, instead=instead)


def edit(system: Restorable, key: str, **changes: object) -> object:
    return system.keys.commands.edit(system.organisation, key, KeyEdit(**changes), ORIGIN)  # type: ignore[arg-type]


def revoke(system: Restorable, key: str) -> object:
    return system.keys.commands.revoke(system.organisation, key, Reason.KEY_COMPROMISE, None, ORIGIN)


def delete(system: Restorable, key: str) -> object:
    return system.keys.commands.delete(system.organisation, key, ORIGIN)


def suspend(system: Restorable, key: str) -> object:
    return system.keys.commands.suspend(system.organisation, key, ORIGIN)


def resume(system: Restorable, key: str) -> object:
    return system.keys.commands.resume(system.organisation, key, ORIGIN)


def several(*steps: End) -> End:
    def all_of_them(system: Restorable, key: str) -> None:
        for step in steps:
            step(system, key)

    return all_of_them


def expire(system: Restorable, key: str) -> None:
    """Its owner set an earlier expiry, and it came."""

    def soon(access: Access) -> Access:
        return replace(access, expires_at=system.clock.now() + HOUR)

    edit(system, key, access=soon)
    system.clock.advance(2 * HOUR.total_seconds())
    assert system.keys.sweep.run() > 0


def revoke_many(system: Restorable, key: str) -> None:
    system.keys.commands.revoke_all(system.organisation, (key,), Reason.SUPERSEDED, None, ORIGIN)


KINDS = {
    "revoked": Kind(end=revoke, status="revoked"),
    "revoked among many": Kind(end=revoke_many, status="revoked"),
    "revoked while suspended": Kind(before=suspend, end=revoke, status="revoked"),
    "deleted": Kind(end=delete, status=None),
    "revoked, then deleted": Kind(before=revoke, end=delete, status=None),
    "rotated away": Kind(end=rotate, status="suspended"),
    "rotated away, its grace over": Kind(end=partial(rotate, grace=HOUR), status="suspended"),
    "replaced by another newest": Kind(end=partial(rotate, instead=True), status="suspended"),
    "regenerated for more power": Kind(
        end=partial(edit, regenerate=True, permissions=("config:write", "sensors:read")), status="suspended"
    ),
    "rotated twice": Kind(end=several(rotate, rotate), status="suspended"),
    "expired": Kind(end=expire, status="suspended"),
    "suspended": Kind(end=suspend, status="suspended"),
    "suspended again": Kind(before=several(suspend, resume), end=suspend, status="suspended"),
}


def known(system: Restorable) -> KnownDead:
    """As auth keeps it."""
    with system.auth.database.reading() as tx:
        return known_dead(page(tx, None, 1000).secrets, ())


def accept(system: Restorable) -> Accepted:
    assert system.keys.acceptance is not None
    return system.keys.acceptance.accept(Memories(held=tuple(system.kept()), known=known(system)), "a drill", ORIGIN)


def refusal(system: Restorable, key: CreatedKey) -> Refusal | None:
    request, now = presented(f"Bearer {key.secret.value}"), system.clock.now().timestamp()
    return judge(request, None, system.replica.grants, now).refusal


def test_none_lives_once_the_restore_is_accepted_and_what_had_not_ended_does(system: Restorable) -> None:
    keys = {name: system.create() for name in KINDS}
    alive = system.create()
    for name, kind in KINDS.items():
        kind.before(system, keys[name].key_id)
    system.follow()
    dump = system.dump()
    for name, kind in KINDS.items():
        kind.end(system, keys[name].key_id)
    system.clock.advance(2 * HOUR.total_seconds())  # graces are over
    system.follow()
    lost = system.keys.feed.pull(None).head.position
    system.put_back(dump)
    system.auth.following.catch_up()
    done = accept(system)
    system.auth.following.catch_up()
    system.pull_at_gate()

    assert {name: refusal(system, key) for name, key in keys.items() if refusal(system, key) is None} == {}
    assert refusal(system, alive) is None
    with system.keys.database.reading() as tx:
        listed = set(tx.execute(select(tables.api_key.c.id)).scalars())
    for name, kind in KINDS.items():
        key_id = keys[name].key_id
        assert (key_id in listed) == (kind.status is not None), name
        if kind.status is not None:
            assert system.keys.queries.get_key(system.organisation, key_id).status.value == kind.status, name
    assert done.losses is not None
    assert done.losses.positions == lost - done.head.position
    assert {*done.revoked, *done.deleted, *done.suspended} == {key.key_id for key in keys.values()}


def test_what_died_in_what_is_lost_is_not_imported_again(system: Restorable) -> None:
    """Nor does it live where it was, before anybody noticed."""
    requests = [
        ImportRequest(digest=digest * 32, description=Description(name="key"), permissions=("sensors:read",))
        for digest in ("a1", "b2", "c3")
    ]
    dump = system.dump()
    before = system.keys.commands.create_all(system.organisation, requests[:2], ORIGIN)
    for key, _ in before.made:
        revoke(system, key.id)
    system.follow()
    system.put_back(dump)
    ((unnoticed, _),) = system.keys.commands.create_all(system.organisation, requests[:1], ORIGIN).made
    system.auth.following.catch_up()
    accept(system)
    assert system.keys.queries.get_key(system.organisation, unnoticed.id).status.value == "suspended"
    with pytest.raises(KeysRefused) as refused:
        system.keys.commands.create_all(system.organisation, requests[1:], ORIGIN)
    assert {at: type(one) for at, one in refused.value.refusals.items()} == {0: DigestKnown}


def test_a_suspended_key_s_owner_gets_it_back_by_a_new_secret(system: Restorable) -> None:
    key = system.create()
    system.follow()
    dump = system.dump()
    rotate(system, key.key_id)
    system.follow()
    system.put_back(dump)
    accept(system)
    renewed = system.keys.commands.rotate(system.organisation, key.key_id, timedelta(), ORIGIN)
    resume(system, key.key_id)
    system.auth.following.catch_up()
    system.pull_at_gate()
    assert refusal(system, key) is Refusal.KEY_ROTATED
    assert refusal(system, replace(key, secret=renewed.secret)) is None


def test_with_auth_lost_too_what_only_it_knew_is_ended_by_nobody(system: Restorable) -> None:
    """Said of `--without auth`: service is back all the same."""
    key = system.create()
    system.follow()
    dump = system.dump()
    revoke(system, key.key_id)
    system.follow()
    kept = system.kept()
    system.put_back(dump)
    with system.auth.database.transaction() as tx:
        for table in ("kept_head", "checkpoint", "grant", "dead_secret"):
            tx.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608  names of tables
    assert system.keys.acceptance is not None
    done = system.keys.acceptance.accept(Memories(held=tuple(kept)), "a drill", ORIGIN)
    assert (done.revoked, done.suspended) == ((), ())
    system.auth.following.catch_up()
    system.pull_at_gate()
    assert refusal(system, key) is None
