"""The judgement of a fence: whatever the key's state, secrets and permission, it is what a gate would say now."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.keys.revocation.fence import Fence, judge
from shared.gate import verdict
from shared.gate.authentication.credential import digest_of
from shared.gate.grants.grant import Grant, Status
from shared.gate.verdict import Refusal
from shared.values.permissions import PERMISSIONS
from tests.gate_examples import NOW, grant, grants_of, presented, secret

PRESENT, BEFORE = secret(1), secret(2)
moments = st.sampled_from([NOW + timedelta(seconds=seconds) for seconds in (-60, -1e-6, 0, 1e-6, 60)])
# Rows of keys do not tell what a secret was that works no more; what a fence is asked about was once admitted.
befores = st.just({"replaced": (digest_of(BEFORE),)}) | st.fixed_dictionaries(
    {"previous_digest": st.just(digest_of(BEFORE)), "grace_until": st.none() | moments}
)
grants = st.builds(
    lambda before, **fields: grant(**before, **fields),
    befores,
    status=st.sampled_from(Status),
    suspended=st.booleans(),
    expires_at=st.none() | moments,
    permissions=st.frozensets(st.sampled_from(PERMISSIONS)),
)
secrets = st.sampled_from([PRESENT, BEFORE])
permissions = st.none() | st.sampled_from(PERMISSIONS)


def fence(secret_: str = PRESENT, permission: str | None = None, **different: Any) -> Fence:
    return Fence(key_id="key_1", digest=digest_of(secret_), permission=permission, time=NOW.timestamp, **different)


def row_of(held: Grant) -> Grant | None:
    """A deleted key has no row."""
    return None if held.status is Status.DELETED else replace(held, replaced=())


@given(grants, secrets, permissions)
def test_it_is_the_gate_s(held: Grant, secret_: str, permission: str | None) -> None:
    of_gate = verdict.judge(presented(f"Bearer {secret_}"), permission, grants_of(held), NOW.timestamp())
    assert judge(fence(secret_, permission), row_of(held), NOW.timestamp()) is of_gate.refusal


@given(grants, secrets)
def test_what_gives_itself_up_is_forgiven_suspension_and_expiry_alone(held: Grant, secret_: str) -> None:
    refusal = judge(fence(secret_, gives_up=True), row_of(held), NOW.timestamp())
    active = replace(held, suspended=False, expires_at=None)
    if active.status is Status.EXPIRED:
        active = replace(active, status=Status.ACTIVE)
    assert refusal is judge(fence(secret_), row_of(active), NOW.timestamp())
    assert refusal in {None, Refusal.KEY_REVOKED, Refusal.KEY_ROTATED, Refusal.INVALID_KEY}


@given(grants)
def test_no_digest_at_all_is_nobody_s(held: Grant) -> None:
    nobody = Fence(key_id="key_1", digest="", permission=None, time=NOW.timestamp)
    assert judge(nobody, row_of(held), NOW.timestamp()) in {
        Refusal.INVALID_KEY,
        Refusal.KEY_REVOKED,
        Refusal.KEY_ROTATED,
    }
