"""auth's verdict for other back ends is the gate's own, from auth's copy of the grants."""

from datetime import timedelta
from typing import Any

import pytest

from services.auth.assembly import MIGRATIONS, Auth, assemble
from services.auth.verification import verify, verify_key
from shared.contracts.errors import NotFound
from shared.contracts.keys import KeyRotated, OrganisationRegistered, TierChanged
from shared.gate.authentication.credential import digest_of
from shared.gate.grants.grants import Grants
from shared.gate.verdict import judge
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.gate_examples import NOW, ORGANISATION, MemoryLog, created, presented, revoked, secret
from tests.service_database import migrated


@pytest.fixture
def log(clock: ManualClock) -> MemoryLog:
    log = MemoryLog(clock)
    log.append(
        OrganisationRegistered(organisation_id=ORGANISATION, tier="free"),
        created(1),
        created(2),
        created(3, expires_at=NOW - timedelta(days=1)),
        created(4, allowed_addresses=("192.0.2.0/24",)),
        created(5, networks=("net_1",)),
        revoked(2),
    )
    return log


@pytest.fixture
def auth(database: Database, clock: ManualClock, log: MemoryLog) -> Auth:
    migrated(database, MIGRATIONS)
    auth = assemble(database, log, clock)
    auth.subscription.pull()
    return auth


@pytest.mark.parametrize(
    ("number", "permission", "address", "problem"),
    [
        (1, None, None, None),
        (1, "sensors:read", "203.0.113.1", None),
        (1, "read:networks", None, None),
        (1, "config:write", None, "insufficient-permission"),
        (2, "sensors:read", None, "key-revoked"),
        (3, None, None, "key-expired"),
        (4, None, "192.0.2.9", None),
        (4, None, "203.0.113.1", "address-not-allowed"),
        (9, None, None, "invalid-key"),
    ],
)
def test_a_verification_names_the_problem_a_gate_would_name(
    auth: Auth, clock: ManualClock, number: int, permission: str | None, address: str | None, problem: str | None
) -> None:
    verification = verify(auth.book, clock, digest_of(secret(number)), permission, address)
    assert (verification.valid, verification.problem) == (problem is None, problem)
    assert verification.key_id == (None if problem == "invalid-key" else f"key_{number}")


@pytest.mark.parametrize(
    ("number", "network_id", "problem"),
    [(1, "net_2", None), (5, "net_1", None), (5, None, None), (5, "net_2", "network-not-allowed")],
)
def test_a_network_that_is_named_must_be_among_the_key_s_own(
    auth: Auth, clock: ManualClock, number: int, network_id: str | None, problem: str | None
) -> None:
    verification = verify(auth.book, clock, digest_of(secret(number)), network_id=network_id)
    assert (verification.problem, verification.networks) == (problem, ("net_1",) if number == 5 else None)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("permission", [None, "sensors:read", "config:write"])
@pytest.mark.parametrize("address", ["192.0.2.9", "203.0.113.1"])
def test_over_rpc_a_key_gets_the_verdict_that_a_gate_with_the_same_grants_gives(
    auth: Auth, clock: ManualClock, number: int, permission: str | None, address: str
) -> None:
    grants = Grants()
    grants.load(auth.book.snapshot())
    verdict = judge(presented(f"Bearer {secret(number)}", address=address), permission, grants, clock.now().timestamp())
    verification = verify(auth.book, clock, digest_of(secret(number)), permission, address)
    assert verification.problem == (None if verdict.refusal is None else verdict.refusal.value)
    assert verification.key_id == (None if verdict.grant is None else verdict.grant.key_id)


def test_a_key_with_a_parked_event_is_unavailable_not_valid_as_it_was_before(
    auth: Auth, clock: ManualClock, log: MemoryLog
) -> None:
    """A revocation that auth cannot read must not leave the key good: exports ask here whether to go on."""
    log.append_raw("KeyRevoked", "key_1", {"key_id": "key_1"})
    auth.subscription.pull()
    assert verify(auth.book, clock, digest_of(secret(1))).problem == "unavailable"
    assert verify(auth.book, clock, digest_of(secret(4))).valid


def test_a_key_with_an_event_of_a_newer_release_is_unavailable_for_it_may_be_a_suspension(
    auth: Auth, clock: ManualClock, log: MemoryLog
) -> None:
    log.append_raw("KeyPainted", "key_1", {"key_id": "key_1"})
    auth.subscription.pull()
    assert verify(auth.book, clock, digest_of(secret(1))).problem == "unavailable"
    assert auth.book.snapshot().unappliable == ("key_1",)


def test_a_secret_is_good_until_its_grace_ends_and_the_new_one_after(
    auth: Auth, clock: ManualClock, log: MemoryLog
) -> None:
    def problem(number: int) -> str | None:
        return verify(auth.book, clock, digest_of(secret(number))).problem

    until = clock.now() + timedelta(seconds=60)
    ids: dict[str, Any] = {"key_id": "key_1", "organisation_id": ORGANISATION}
    digest = digest_of(secret(11))
    log.append(KeyRotated(**ids, digest=digest, hint="grl_…", rotated_at=clock.now(), grace_until=until))
    auth.subscription.pull()
    assert (problem(1), problem(11)) == (None, None)
    clock.advance(60)
    assert (problem(1), problem(11)) == ("key-rotated", None)


def test_a_snapshot_has_what_a_replica_that_followed_the_log_itself_has(auth: Auth, log: MemoryLog) -> None:
    followed, loaded = Grants(), Grants()
    for event in (OrganisationRegistered(organisation_id=ORGANISATION, tier="free"), created(1), created(2)):
        followed.apply(event)
    followed.apply(created(3, expires_at=NOW - timedelta(days=1)))
    followed.apply(created(4, allowed_addresses=("192.0.2.0/24",)))
    followed.apply(created(5, networks=("net_1",)))
    followed.apply(revoked(2))
    snapshot = auth.book.snapshot()
    loaded.load(snapshot)
    assert loaded.state() == followed.state()
    assert snapshot.place == log.head


def test_a_change_of_tier_is_one_organisation_s(auth: Auth, log: MemoryLog) -> None:
    log.append(
        OrganisationRegistered(organisation_id="org_other", tier="premium"),
        TierChanged(organisation_id=ORGANISATION, tier="standard"),
    )
    auth.subscription.pull()
    assert auth.book.snapshot().tiers == {ORGANISATION: "standard", "org_other": "premium"}


@pytest.mark.parametrize(
    ("number", "permission", "problem"),
    [
        (1, "sensors:read", None),
        (1, "config:write", "insufficient-permission"),
        (2, "sensors:read", "key-revoked"),
        (3, "sensors:read", "key-expired"),
        (4, "sensors:read", None),
    ],
)
def test_a_key_that_asked_earlier_is_judged_by_its_id(
    auth: Auth, clock: ManualClock, number: int, permission: str, problem: str | None
) -> None:
    assert verify_key(auth.book, clock, ORGANISATION, f"key_{number}", permission).problem == problem


@pytest.mark.parametrize(("organisation_id", "key_id"), [(ORGANISATION, "key_9"), ("org_elsewhere", "key_1")])
def test_an_unknown_key_and_another_s_are_not_found(
    auth: Auth, clock: ManualClock, organisation_id: str, key_id: str
) -> None:
    with pytest.raises(NotFound):
        verify_key(auth.book, clock, organisation_id, key_id, "sensors:read")
