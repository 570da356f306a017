"""`keys.get_key` over RPC tells all that HTTP does: whoever adds to the one is made to think of the other."""

from dataclasses import fields, replace
from datetime import timedelta

from services.keys.lifecycle.key import Status
from services.keys.rpc.schemas import KeyAnswer
from services.keys.views.queries import KeyView
from tests.examples import HINT, KEY_ID, NOON, ORGANISATION_ID

KEY = KeyView(
    id=KEY_ID,
    organisation_id=ORGANISATION_ID,
    revision=3,
    name="Railway, line 4",
    description="",
    labels={"env": "prod"},
    hint=HINT,
    permissions=("sensors:read",),
    status=Status.ACTIVE,
    created_at=NOON,
    created_by="operator",
    expires_at=None,
    allow_query=True,
    allowed_addresses=(),
    minute_limit=None,
    day_limit=None,
    rotated_at=None,
    grace_until=None,
    suspended_at=None,
    expired_at=None,
    revoked_at=None,
    revocation_reason=None,
    revocation_note=None,
    last_used_at=None,
    last_used_address=None,
    last_used_route=None,
    exceeded_lifetime_days=None,
)


def test_every_fact_of_a_key_is_answered() -> None:
    assert set(KeyAnswer().dump(KEY)) == {field.name for field in fields(KeyView)}


def test_what_befell_a_key_is_told_with_its_time_and_what_did_not_is_null() -> None:
    rotated = replace(KEY, rotated_at=NOON, grace_until=NOON + timedelta(hours=1), suspended_at=NOON)
    told = KeyAnswer().dump(rotated)
    assert told["rotated_at"] == told["suspended_at"] == "2026-11-23T12:00:00.000000Z"
    assert told["grace_until"] == "2026-11-23T13:00:00.000000Z"
    assert (told["expired_at"], told["revoked_at"]) == (None, None)
