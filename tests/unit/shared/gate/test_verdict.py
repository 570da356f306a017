"""The order of the gate's checks is part of the contract: the first that fails is the answer."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from shared.gate.authentication.credential import Presented, digest_of
from shared.gate.grants.grant import Grant, Status
from shared.gate.grants.grants import Grants
from shared.gate.verdict import Refusal, Verdict, address_allowed, judge
from tests.gate_examples import NOW, ORGANISATION, SECRET, grant, grants_of, presented, secret, snapshot_of


@dataclass(frozen=True)
class World:
    """A request that would pass, until faults are added."""

    request: Presented
    grant: Grant | None
    tier: str = "free"
    unappliable: tuple[str, ...] = ()
    permission: str = "sensors:read"
    networks: tuple[str, ...] = ()

    def judge(self) -> Verdict:
        held = [] if self.grant is None else [self.grant]
        grants = grants_of(*held, tier=self.tier, unappliable=self.unappliable)
        return judge(self.request, self.permission, grants, NOW.timestamp(), networks=self.networks)

    def with_grant(self, **different: object) -> "World":
        return self if self.grant is None else replace(self, grant=structs.replace(self.grant, **different))


def _query_forbidden(world: World) -> World:
    """Sends whatever the request has in the query instead."""
    request = world.request
    in_query = (*request.query_keys, *([] if request.authorization is None else [request.authorization[7:]]))
    return replace(
        world.with_grant(allow_query=False), request=structs.replace(request, authorization=None, query_keys=in_query)
    )


FAULTS: list[tuple[Refusal, Callable[[World], World]]] = [
    # In the documented order; applied from the last to the first, so that the earliest has its way.
    (Refusal.MISSING_CREDENTIALS, lambda w: replace(w, request=presented(None, address=w.request.address))),
    (
        Refusal.INVALID_REQUEST,
        lambda w: replace(
            w, request=structs.replace(w.request, authorization=f"Bearer {SECRET}", query_keys=(SECRET,))
        ),
    ),
    (
        Refusal.INVALID_KEY,
        lambda w: replace(w, request=structs.replace(w.request, authorization=f"Bearer {SECRET[:-1]}0", query_keys=())),
    ),
    (Refusal.INVALID_KEY, lambda w: replace(w, grant=None)),
    (Refusal.UNAVAILABLE, lambda w: replace(w, tier="a tier from the future")),
    (Refusal.UNAVAILABLE, lambda w: replace(w, unappliable=("key_1",))),
    (Refusal.KEY_REVOKED, lambda w: w.with_grant(status=Status.REVOKED)),
    (Refusal.KEY_ROTATED, lambda w: w.with_grant(digest=digest_of(secret(2)), replaced=(digest_of(SECRET),))),
    (Refusal.KEY_SUSPENDED, lambda w: w.with_grant(suspended=True)),
    (Refusal.KEY_EXPIRED, lambda w: w.with_grant(expires_at=NOW)),
    (Refusal.INVALID_REQUEST, _query_forbidden),
    (Refusal.ADDRESS_NOT_ALLOWED, lambda w: w.with_grant(allowed_addresses=("198.51.100.0/24",))),
    (Refusal.INSUFFICIENT_PERMISSION, lambda w: replace(w, permission="config:write")),
    (
        Refusal.NETWORK_NOT_ALLOWED,
        lambda w: replace(w.with_grant(networks=frozenset({"net_1"})), networks=("net_2",)),
    ),
]


def test_each_check_wins_over_every_later_one_in_all_combinations_of_faults() -> None:
    judged = 0
    for chosen in itertools.product((False, True), repeat=len(FAULTS)):
        world = World(request=presented(), grant=grant())
        faults = list(itertools.compress(FAULTS, chosen))
        for _, add in reversed(faults):
            world = add(world)
        expected = faults[0][0] if faults else None
        assert world.judge().refusal is expected, [refusal for refusal, _ in faults]
        judged += 1
    assert judged == 2 ** len(FAULTS)


@pytest.mark.parametrize(
    ("networks", "named", "passes"),
    [
        (None, ("net_1", "anything"), True),
        ({"net_1", "net_2"}, (), True),
        ({"net_1", "net_2"}, ("net_2",), True),
        ({"net_1", "net_2"}, ("net_2", "net_1"), True),
        ({"net_1"}, ("net_1", "net_2"), False),
        ({"net_1"}, ("",), False),
        (set(), (), True),
        (set(), ("net_1",), False),
    ],
)
def test_each_network_that_a_request_names_must_be_among_the_key_s_and_none_of_its_own_is_none(
    networks: set[str] | None, named: tuple[str, ...], passes: bool
) -> None:
    held = grant(networks=None if networks is None else frozenset(networks))
    verdict = World(request=presented(), grant=held, networks=named).judge()
    assert verdict.refusal is (None if passes else Refusal.NETWORK_NOT_ALLOWED)


def test_a_verdict_tells_the_grant_only_to_who_holds_its_secret() -> None:
    assert World(request=presented(), grant=None).judge().grant is None
    refused = World(request=presented(), grant=grant(status=Status.REVOKED)).judge()
    assert refused.grant == grant(status=Status.REVOKED, hint="")


def test_a_deleted_key_is_to_its_caller_as_one_that_never_was_and_is_named_for_the_record() -> None:
    replaced: dict[str, Any] = {"digest": digest_of(secret(2)), "replaced": (digest_of(SECRET),)}
    nothing: dict[str, Any] = {}
    for different in (nothing, replaced):
        deleted = World(request=presented(), grant=grant(status=Status.DELETED, **different)).judge()
        assert deleted.deleted == grant(status=Status.DELETED, hint="", **different)
        assert structs.replace(deleted, deleted=None) == World(request=presented(), grant=None).judge()


@pytest.mark.parametrize(
    "replaced",
    [{"previous_digest": digest_of(SECRET), "grace_until": NOW}, {"replaced": (digest_of(SECRET),)}],
    ids=str,
)
def test_a_replaced_secret_is_told_so_and_nothing_of_what_its_key_may(replaced: dict[str, object]) -> None:
    rotated = World(request=presented(), grant=grant(2, **replaced)).judge()
    assert rotated == Verdict(
        Refusal.KEY_ROTATED, grant(2, hint="", **replaced), secret_hint=f"{SECRET[:8]}…{SECRET[-4:]}"
    )


def test_a_record_gets_the_hint_of_a_secret_that_is_dead_or_not_its_key_s_newest() -> None:
    hint = f"{SECRET[:8]}…{SECRET[-4:]}"
    in_grace = grant(2, previous_digest=digest_of(SECRET), grace_until=NOW + timedelta(hours=1))
    for held, request, told in (
        (grant(), presented(), None),
        (grant(permissions=frozenset()), presented(), None),
        (in_grace, presented(), hint),
        (in_grace, presented(None, SECRET), hint),
        (grant(suspended=True), presented(), hint),
        (grant(expires_at=NOW), presented(f"bearer  {SECRET}"), hint),
    ):
        assert World(request=request, grant=held).judge().secret_hint == told


@pytest.mark.parametrize(
    ("expires_in_seconds", "refusal"),
    [(-1, Refusal.KEY_EXPIRED), (0, Refusal.KEY_EXPIRED), (0.000001, None), (60, None)],
)
def test_a_key_expires_at_its_moment_by_the_time_given(expires_in_seconds: float, refusal: Refusal | None) -> None:
    world = World(request=presented(), grant=grant(expires_at=NOW + timedelta(seconds=expires_in_seconds)))
    assert world.judge().refusal is refusal


@pytest.mark.parametrize(
    ("allowed", "address", "passes"),
    [
        ((), "anything at all", True),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7",), "192.0.2.8", False),
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("2001:db8::/32",), "2001:db8:ffff::1", True),
        (("2001:db8::/32",), "2001:db9::1", False),
        (("2001:db8::/32",), "192.0.2.7", False),
        (("192.0.2.0/24",), "2001:db8::1", False),
        (("198.51.100.9", "2001:db8::1", "192.0.2.0/30"), "192.0.2.3", True),
        (("0.0.0.0/0",), "203.0.113.5", True),
        (("0.0.0.0/0",), "", False),
        (("0.0.0.0/0",), "203.0.113.5:4711", False),
        (("0.0.0.0/0",), "localhost", False),
        # How a listener on both protocols names an IPv4 caller.
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.7", False),
    ],
)
def test_a_key_is_used_from_its_networks_only(allowed: tuple[str, ...], address: str, passes: bool) -> None:
    assert address_allowed(grant(allowed_addresses=allowed), address) is passes


def test_admin_opens_everything_and_nothing_else_opens_admin() -> None:
    permissions = ("sensors:read", "events:read", "config:write", "admin")
    admin = grant(permissions=frozenset({"admin"}))
    everything_else = grant(permissions=frozenset(permissions) - {"admin"})
    assert all(World(request=presented(), grant=admin, permission=name).judge().admitted for name in permissions)
    assert not World(request=presented(), grant=everything_else, permission="admin").judge().admitted


def test_an_operation_that_needs_no_permission_is_open_to_any_valid_key_only() -> None:
    grants = grants_of(grant(permissions=frozenset()))
    assert judge(presented(), None, grants, NOW.timestamp()).admitted
    assert judge(presented(f"Bearer {secret(2)}"), None, grants, NOW.timestamp()).refusal is Refusal.INVALID_KEY


@pytest.mark.parametrize("stream", ["key_1", ORGANISATION])
def test_what_cannot_be_applied_makes_its_own_keys_unavailable_and_no_others(stream: str) -> None:
    grants = Grants()
    grants.load(
        replace(
            snapshot_of(grant(), grant(2, organisation_id="org_elsewhere"), unappliable=(stream,)),
            tiers={ORGANISATION: "free", "org_elsewhere": "free"},
        )
    )
    assert judge(presented(), "sensors:read", grants, NOW.timestamp()).refusal is Refusal.UNAVAILABLE
    assert judge(presented(f"Bearer {secret(2)}"), "sensors:read", grants, NOW.timestamp()).admitted


def test_a_key_keeps_below_its_tier_and_its_own_limits() -> None:
    grants: Grants = grants_of(grant(), tier="free")
    assert grants.limits(grant()) == grants.policy["free"]
    own = grants.limits(grant(minute_limit=5, day_limit=20_000))
    assert own is not None
    assert (own.minute, own.day) == (5, 10_000)
    premium = grants_of(tier="premium").limits(grant(day_limit=7))
    assert premium is not None
    assert (premium.minute, premium.day) == (1_000, 7)
