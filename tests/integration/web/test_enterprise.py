"""An organisation whose limits are by contract: they hold at running gates, and are shown."""

from typing import Any

from shared.contracts.keys import Contract
from tests.integration.web.asking import problem
from tests.integration.web.management import BOOTSTRAP, Management

CONTRACT = Contract(minute=7, day=20, concurrent=3, keys=4)
IN_FORCE = {"minute": 7, "day": 20, "concurrent": 3}


def test_its_numbers_hold_at_gates_that_run_and_go_with_the_tier(api: Management) -> None:
    before, higher = api.create(limits={"minute": 5}), api.create(limits={"minute": 50})
    at_first = api.ask("GET", "/v1/organisation").json
    change(api, "enterprise", CONTRACT)
    own = api.ask("GET", "/v1/keys/self")
    policy = '"minute";q=7;w=60, "day";q=20;w=86400, "concurrent";q=3;qu="concurrent-requests"'
    assert (own.headers["RateLimit-Policy"], own.json["effective_limits"]) == (policy, IN_FORCE)
    shown = api.ask("GET", f"/v1/keys/{before['id']}").json
    assert (shown["tier"], shown["effective_limits"]) == ("enterprise", IN_FORCE | {"minute": 5})
    assert api.ask("GET", f"/v1/keys/{higher['id']}").json["effective_limits"] == IN_FORCE, "its own is beyond it now"
    organisation = api.ask("GET", "/v1/organisation").json
    assert organisation["limits"] == IN_FORCE
    assert organisation["keys"] == {"active": 3, "most": 4}
    assert "contract" not in organisation

    change(api, "premium", None)
    after = api.ask("GET", "/v1/organisation").json
    assert (after["limits"], after["keys"]) == (at_first["limits"], at_first["keys"])
    past = api.ask("GET", f"/v1/keys/{before['id']}", params={"revision": 1}).json
    assert (past["tier"], past["effective_limits"]["concurrent"]) == ("premium", 50)


def test_it_holds_no_more_active_keys_than_agreed(api: Management) -> None:
    change(api, "enterprise", CONTRACT)
    for _ in range(3):
        api.create()
    body = {"name": "one more", "permissions": ["sensors:read"]}
    assert "4 active" in problem(api.ask("POST", "/v1/keys", json=body), 409, "too-many-keys")["detail"]


def test_no_key_has_a_limit_beyond_the_agreed_one(api: Management) -> None:
    change(api, "enterprise", CONTRACT)
    body: dict[str, Any] = {"name": "key", "permissions": ["sensors:read"], "limits": {"minute": 8}}
    told = problem(api.ask("POST", "/v1/keys", json=body), 422, "invalid-body")
    assert list(told["errors"]) == ["/limits/minute"]


def change(api: Management, tier: str, contract: Contract | None) -> None:
    api.keys.commands.organisations.change_tier(api.organisation_id, tier, BOOTSTRAP, contract=contract)
    api.keys.relay.run()
