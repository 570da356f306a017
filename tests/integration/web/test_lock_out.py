"""Nobody locks himself out unawares: each way is refused with what would be lost, and the way back is open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.keys.events import KeyExpired
from services.keys.lifecycle.key import ExpiryReason
from services.keys.lifecycle.lock_out import Loss
from tests.integration.web.asking import problem
from tests.integration.web.management import BOOTSTRAP, Management

Request = tuple[str, str, dict[str, Any] | None]
IN_20_HOURS = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
LABELLED = {"team": "owners"}


class Owner:
    """`own`: the admin key that asks. `first`: the organisation's first one, which does not expire."""

    def __init__(self, api: Management, own: dict[str, Any], first_id: str) -> None:
        self.api, self.first = api, first_id
        self.own, self.secret = own["id"], own["key"]

    def ask(self, request: Request, **query: str) -> Any:
        method, path, body = request
        parts: dict[str, Any] = {} if body is None else {"json": body}
        return self.api.ask(method, path, key=self.secret, params=query, **parts)


Way = tuple[Loss, Callable[[Owner], Request]]


def on(verb: str, **body: Any) -> Callable[[str], Request]:
    return lambda key_id: ("POST", f"/v1/keys/{key_id}/{verb}", body)


def patch(**body: Any) -> Callable[[str], Request]:
    return lambda key_id: ("PATCH", f"/v1/keys/{key_id}", body)


def delete(key_id: str) -> Request:
    return "DELETE", f"/v1/keys/{key_id}", None


def many(**body: Any) -> Callable[[str], Request]:
    return lambda key_id: ("POST", "/v1/keys/revoke", body or {"ids": [key_id]})


def own(change: Callable[[str], Request]) -> Callable[[Owner], Request]:
    return lambda owner: change(owner.own)


def the_first(change: Callable[[str], Request]) -> Callable[[Owner], Request]:
    return lambda owner: change(owner.first)


WAYS_OF_OWN: dict[str, Way] = {
    "own permissions": (Loss.OWN_PERMISSION, own(patch(permissions=["sensors:read"]))),
    "own permissions, with a new secret": (
        Loss.OWN_PERMISSION,
        own(patch(permissions=["config:write"], regenerate=True)),
    ),
    "own addresses": (Loss.OWN_ADDRESS, own(patch(allowed_addresses=["192.0.2.0/24"]))),
    "own addresses, of the other family": (Loss.OWN_ADDRESS, own(patch(allowed_addresses=["2001:db8::/32"]))),
    "own suspension": (Loss.OWN_SUSPENSION, own(on("suspend"))),
    "own revocation": (Loss.OWN_KEY, own(on("revoke", reason="superseded"))),
    "own deletion": (Loss.OWN_KEY, own(delete)),
    "own id among many": (Loss.LAST_ADMIN_KEY, lambda owner: many(ids=[owner.first, owner.own])(owner.own)),
    "own id alone": (Loss.OWN_KEY, own(many())),
    "own label": (Loss.OWN_KEY, own(many(label="team:owners"))),
    "own age": (Loss.LAST_ADMIN_KEY, own(many(created_before="2100-01-01T00:00:00Z"))),
    "own maker, and what it made": (Loss.LAST_ADMIN_KEY, the_first(on("revoke", also_made=True))),
    "own maker among many, and what they made": (
        Loss.LAST_ADMIN_KEY,
        lambda owner: many(ids=[owner.first], also_made=True)(owner.own),
    ),
}
# The key that asks lasts 20 hours, too short to be a way back.
WAYS_OF_THE_LAST: dict[str, Way] = {
    "the last one's revocation": (Loss.LAST_ADMIN_KEY, the_first(on("revoke"))),
    "the last one among many": (Loss.LAST_ADMIN_KEY, the_first(many())),
    "the last one's suspension": (Loss.LAST_ADMIN_KEY, the_first(on("suspend"))),
    "the last one's deletion": (Loss.LAST_ADMIN_KEY, the_first(delete)),
    "the last one's permissions": (Loss.LAST_ADMIN_KEY, the_first(patch(permissions=["sensors:read"]))),
    "the last one's expiry in an hour": (Loss.LAST_ADMIN_KEY, the_first(patch(expires_in=3600))),
    "the last one's expiry in a minute": (Loss.LAST_ADMIN_KEY, the_first(patch(expires_in=60))),
}


def owner_of(api: Management, **settings: Any) -> Owner:
    first = api.ask("GET", "/v1/keys/self").json["id"]
    return Owner(api, api.create(permissions=["admin"], labels=LABELLED, **settings), first)


def told(api: Management) -> list[Any]:
    return [(key["id"], key["status"], key["permissions"], key["expires_at"]) for key in _keys(api)]


def _keys(api: Management) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = api.ask("GET", "/v1/keys").json["data"]
    return keys


def refused(owner: Owner, way: Way) -> Request:
    loss, request_of = way
    request, before = request_of(owner), told(owner.api)
    assert str(loss) in problem(owner.ask(request), 409, "lock-out")["detail"]
    assert told(owner.api) == before
    assert owner.ask(("GET", "/v1/keys/self", None)).status_code == 200
    return request


@pytest.mark.parametrize("name", WAYS_OF_OWN)
def test_a_change_that_ends_the_caller_s_own_access_needs_to_be_forced(api: Management, name: str) -> None:
    owner = owner_of(api)
    request = refused(owner, WAYS_OF_OWN[name])
    assert owner.ask(request, force="true").status_code == 200
    assert owner.ask(("GET", "/v1/keys", None)).status_code in (401, 403)
    # The way back, also where no admin key is left: the operator's.
    assert api.ask("GET", "/v1/keys", key=api.operator_s_admin()).status_code == 200


@pytest.mark.parametrize("name", WAYS_OF_THE_LAST)
def test_the_last_usable_admin_key_is_taken_once_there_is_another(api: Management, name: str) -> None:
    owner = owner_of(api, expires_at=IN_20_HOURS)
    request = refused(owner, WAYS_OF_THE_LAST[name])
    assert problem(owner.ask(request, force="false"), 409, "lock-out")
    another = api.create(permissions=["admin"])["key"]
    assert owner.ask(request).status_code == 200
    assert api.ask("GET", "/v1/keys", key=another).status_code == 200


def test_a_key_that_ends_soon_is_prolonged_and_not_renewed(api: Management) -> None:
    """Its new secret would be gone within the day, and with it the way back."""
    path = f"/v1/keys/{api.ask('GET', '/v1/keys/self').json['id']}"
    problem(api.ask("PATCH", path, json={"expires_in": 60}), 409, "lock-out")
    assert api.ask("PATCH", path, json={"expires_in": 7200}, params={"force": "true"}).status_code == 200
    problem(api.ask("POST", f"{path}/rotate", json={}), 409, "lock-out")
    assert api.ask("PATCH", path, json={"name": "still there"}).status_code == 200


def test_what_many_keys_lose_says_which_of_them_is_the_caller(api: Management) -> None:
    owner = owner_of(api)
    for answer in (
        owner.ask(("POST", "/v1/keys/revoke", {"ids": [owner.first, owner.own], "dry_run": True})),
        owner.ask(("POST", "/v1/keys/revoke", {"ids": [owner.first, owner.own]}), force="true"),
    ):
        assert {key["id"]: key["is_caller"] for key in answer.json["data"]} == {owner.first: False, owner.own: True}


def test_giving_itself_up_and_an_operator_s_command_are_not_judged(api: Management) -> None:
    assert api.ask("POST", "/v1/keys/self/revoke", json={}).status_code == 200
    rescue = api.operator_s_admin()
    organisation_id = api.ask("GET", "/v1/organisation", key=rescue).json["id"]
    assert organisation_id == api.organisation_id
    key_id = api.ask("GET", "/v1/keys/self", key=rescue).json["id"]
    api.keys.commands.suspend(organisation_id, key_id, BOOTSTRAP)
    api.keys.relay.run()
    problem(api.ask("GET", "/v1/keys/self", key=rescue), 401, "key-suspended")


def test_a_suspended_expired_or_far_away_key_still_gives_itself_up(api: Management) -> None:
    suspended, expired = api.create(), api.create()
    elsewhere = api.create(allowed_addresses=["192.0.2.0/24"])
    api.ask("POST", f"/v1/keys/{suspended['id']}/suspend", json={})
    ended = KeyExpired(
        key_id=expired["id"],
        organisation_id=api.organisation_id,
        expired_at=datetime.now(UTC),
        reason=ExpiryReason.TIME.value,
    )
    api.keys.commands.keys.execute(expired["id"], lambda _: (ended,), BOOTSTRAP)
    api.keys.relay.run()
    before = {"key-suspended": suspended, "key-expired": expired, "address-not-allowed": elsewhere}
    for name, key in before.items():
        problem(api.ask("GET", "/v1/keys/self", key=key["key"]), 403 if key is elsewhere else 401, name)
        given_up = api.ask("POST", "/v1/keys/self/revoke", key=key["key"], json={"reason": "key-compromise"})
        assert (given_up.status_code, given_up.json["status"]) == (200, "revoked"), given_up.text
        assert given_up.headers["RateLimit-Policy"].startswith('"minute";')
        problem(api.ask("POST", "/v1/keys/self/revoke", key=key["key"], json={}), 401, "key-revoked")


def test_force_is_true_or_false(api: Management) -> None:
    problem(api.ask("DELETE", "/v1/keys/key_0", params={"force": "yes"}), 400, "invalid-request")
