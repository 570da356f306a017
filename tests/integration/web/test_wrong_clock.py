"""While the wall clock is contradicted, nothing is given a time to end at; all else goes on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.keys.assembly import MIGRATIONS
from shared.gate.authentication.credential import digest_of
from shared.runtime.clock import ManualClock
from shared.values.timestamps import rfc3339
from tests.examples import NOON
from tests.integration.web.asking import problem
from tests.integration.web.management import KEY, Management, management
from tests.servers import Postgres
from tests.service_database import new_service_database

AHEAD = timedelta(days=100)
ENDS_LATER = KEY | {"expires_at": rfc3339(NOON + 2 * AHEAD)}
OTHER_SYSTEM_S = ENDS_LATER | {"sha256": digest_of("acme_5b1c9e70d2f84a6396b7c1d8")}
HOOK = {"kind": "webhook", "url": "https://hooks.example.org/grillo"}


@pytest.fixture(params=["sqlite", "postgresql"])
def in_doubt(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Management]:
    """With a key in its grace, one that expires, and a webhook, all from before; then the clock is set."""
    server: Postgres | None = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    keys_database = None if server is None else new_service_database(server, MIGRATIONS)
    api = management(tmp_path, keys_database=keys_database, clock=clock)
    _tick(api)
    api.create(name="in grace", expires_in=200 * 86_400)
    assert api.ask("POST", f"{_path(api, 'in grace')}/rotate", json={"grace_seconds": 60}).status_code == 200
    assert api.ask("POST", "/v1/channels", json=HOOK).status_code == 201
    clock.set_by(AHEAD)
    api.replica.pull()
    yield api
    api.close()


# What is asked of the key, or of the API, or of the webhook.
ENDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a creation": ("POST", "/v1/keys", KEY | {"expires_in": 60}),
    "one of many": ("POST", "/v1/keys/batch", {"keys": [KEY, ENDS_LATER]}),
    "an import": ("POST", "/v1/keys/import", {"keys": [OTHER_SYSTEM_S]}),
    "an edit": ("PATCH", "{key}", {"expires_in": 60}),
    "a renewal": ("PATCH", "{key}", {"expires_in": 60, "regenerate": True}),
    "a rotation with a grace": ("POST", "{key}/rotate", {"grace_seconds": 60}),
    "a webhook's rotation": ("POST", "{channel}/rotate-secret", {"overlap_seconds": 60}),
}
GOES_ON: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a creation": ("POST", "/v1/keys", KEY),
    "an edit": ("PATCH", "{key}", {"name": "renamed"}),
    "an expiry taken away": ("PATCH", "{key}", {"expires_at": None}),
    "a rotation without a grace": ("POST", "{key}/rotate", {}),
    "a suspension": ("POST", "{key}/suspend", {}),
    "a revocation": ("POST", "{key}/revoke", {}),
    "a webhook's rotation": ("POST", "{channel}/rotate-secret", {"overlap_seconds": 0}),
}


@pytest.mark.parametrize(("method", "path", "body"), ENDS.values(), ids=ENDS)
def test_what_is_to_end_at_a_time_to_come_is_refused_until_the_clock_is_right_or_accepted(
    in_doubt: Management, clock: ManualClock, method: str, path: str, body: dict[str, Any]
) -> None:
    path = _filled(in_doubt, path)
    before = in_doubt.ask("GET", "/v1/keys").json["data"]
    told = problem(in_doubt.ask(method, path, json=body), 503, "clock-in-doubt")
    assert "grillo clock accept" in told["detail"]
    assert in_doubt.ask("GET", "/v1/keys").json["data"] == before
    in_doubt.keys.clock_watch.accept()
    in_doubt.usage.clock_watch.accept()
    assert in_doubt.ask(method, path, json=body).status_code in (200, 201)


@pytest.mark.parametrize(("method", "path", "body"), GOES_ON.values(), ids=GOES_ON)
def test_what_has_no_end_and_what_ends_at_once_goes_on(
    in_doubt: Management, method: str, path: str, body: dict[str, Any]
) -> None:
    assert in_doubt.ask(method, _filled(in_doubt, path), json=body).status_code in (200, 201)


def test_once_it_is_right_again_ends_are_set_as_before(in_doubt: Management, clock: ManualClock) -> None:
    clock.set_by(-AHEAD)
    in_doubt.replica.pull()
    made = in_doubt.create(expires_in=60)
    assert datetime.fromisoformat(made["expires_at"]) == NOON + timedelta(seconds=60)


def test_after_a_long_stop_ends_are_set_as_before(
    in_doubt: Management, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for watch in (in_doubt.keys.clock_watch, in_doubt.usage.clock_watch):
        watch.accept()
        monkeypatch.setattr(watch, "_boot", "the next")
    clock.set_by(timedelta(hours=2))
    in_doubt.replica.pull()
    _tick(in_doubt)
    assert in_doubt.keys.clock_watch.doubted() is not None
    for method, path, body in ENDS.values():
        answer = in_doubt.ask(method, _filled(in_doubt, path), json=body)
        assert answer.status_code in (200, 201), (method, path, answer.json)


def test_a_lifetime_of_the_organisation_s_is_an_end_too(in_doubt: Management) -> None:
    assert in_doubt.ask("PATCH", "/v1/organisation", json={"lifetime_default_days": 7}).status_code == 200
    problem(in_doubt.ask("POST", "/v1/keys", json=KEY), 503, "clock-in-doubt")
    assert in_doubt.ask("POST", "/v1/keys", json=KEY | {"expires_at": None}).status_code == 201


def _tick(api: Management) -> None:
    api.keys.clock_watch.tick()
    api.usage.clock_watch.tick()


def _filled(api: Management, path: str) -> str:
    if "{channel}" in path:
        return path.format(channel=f"/v1/channels/{api.ask('GET', '/v1/channels').json['data'][0]['id']}")
    return path.format(key=_path(api, "in grace")) if "{key}" in path else path


def _path(api: Management, name: str) -> str:
    return next(f"/v1/keys/{key['id']}" for key in api.ask("GET", "/v1/keys").json["data"] if key["name"] == name)
