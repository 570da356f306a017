"""From the request that crosses a threshold to a signed message at a real receiver; and commands for all of it."""

import json
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.e2e.running import System, eventually, grillo
from tests.receivers import Received, Receiver, receiver, status

LIMIT, THRESHOLD = 20, 16


def test_requests_past_eighty_percent_of_a_minute_are_exactly_one_signed_alert(system: System) -> None:
    with receiver(status(200)) as hook, system.admin() as admin:
        channel = admin.post("/v1/channels", json={"kind": "webhook", "url": hook.url()}).json()
        key = _use(system, admin, THRESHOLD + 2)
        (alert,) = _wait_for(hook, key["id"], channel["secret"])
        assert (alert["type"], alert["data"]["kind"]) == ("AlertRaised", "quota")
        facts = alert["data"]["facts"]
        assert (facts["window"], facts["threshold_percent"], facts["limit"]) == ("minute", 80, LIMIT)
        assert THRESHOLD <= facts["used"] <= THRESHOLD + 2
        assert alert["data"]["hint"] == key["hint"]
        assert key["key"] not in str(alert)
        # What is taken in is evaluated in order: when a later crossing was told, nothing of an earlier one is to come.
        later = _use(system, admin, THRESHOLD)
        _wait_for(hook, later["id"], channel["secret"])
        assert len(_about(hook.received, key["id"], channel["secret"])) == 1
        (listed,) = admin.get("/v1/alerts", params={"key_id": key["id"]}).json()["data"]
        assert listed["id"] == alert["data"]["alert_id"]
        deliveries = admin.get("/v1/deliveries", params={"channel_id": channel["id"]}).json()["data"]
        (delivery,) = [one for one in deliveries if one["key_id"] == key["id"]]
        assert (delivery["status"], delivery["last_answer"]["status"]) == ("delivered", 200)
        admin.delete(f"/v1/channels/{channel['id']}")


def test_a_webhook_into_our_own_network_is_refused_where_it_connects(system: System) -> None:
    """127.0.0.1 alone is allowed here; so 127.0.0.2, which is as much loopback, is what an operator forbids."""
    with receiver(status(200)) as hook, receiver(status(302, {"Location": hook.url()})) as redirecting:
        with system.admin() as admin:
            body = {"kind": "webhook", "url": hook.url(host="127.0.0.2")}
            assert admin.post("/v1/channels", json=body).status_code == 422
            channel = admin.post("/v1/channels", json={"kind": "webhook", "url": redirecting.url()}).json()
            sent = admin.post(f"/v1/channels/{channel['id']}/test").json()
            path = f"/v1/deliveries/{sent['id']}"
            tried = eventually(lambda: admin.get(path).json(), lambda delivery: delivery["last_answer"])
            assert tried["last_answer"]["fault"] == "redirects are not followed"
            admin.delete(f"/v1/channels/{channel['id']}")
        assert hook.connections == 0


# Commands speak HTTP, which is the same in both worlds.
@pytest.mark.parametrize("system", ["embedded"], indirect=True)
def test_a_key_s_life_can_be_followed_by_commands_alone(system: System) -> None:
    def run(*arguments: str) -> Any:
        done = grillo("alerts", *arguments, "--json", key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    with receiver(status(204)) as hook:
        made = run("channels", "create", "webhook", hook.url(), "--event", "KeyRevoked")
        run("channels", "test", made["id"])
        hook.wait_for(1)
        key_id, _ = system.create_key("sensors:read")
        with system.admin() as admin:
            admin.post(f"/v1/keys/{key_id}/revoke")
        _, revoked = hook.wait_for(2)
        rotated = run("channels", "rotate-secret", made["id"])
        assert Webhook(made["secret"]).verify(revoked.body, revoked.headers)["data"]["key_id"] == key_id
        (first, *_) = run("deliveries", "list", "--channel", made["id"])
        run("deliveries", "redeliver", first["id"])
        again = hook.wait_for(3)[-1]
        assert again.headers["webhook-id"] == first["webhook_id"]
        for secret in (made["secret"], rotated["secret"]):
            Webhook(secret).verify(again.body, again.headers)
        rule = run("rules", "create", "error-rate", "--parameter", "threshold_percent=10", "--channel", made["id"])
        assert rule["parameters"] == {"threshold_percent": 10, "requests_min": 20}
        edited = run("rules", "edit", rule["id"], "--label", "env:prod", "--clear", "parameters.threshold_percent")
        assert (edited["label"], edited["parameters"]["threshold_percent"]) == ("env:prod", 50)
        assert run("rules", "mute", rule["id"])["muted"]
        assert rule["id"] in [one["id"] for one in run("rules", "list")]
        run("rules", "delete", rule["id"])
        run("list", "--key", key_id, "--rule", rule["id"], "--kind", "quota", "--from", "2026-01-01T00:00:00Z")
        assert run("channels", "edit", made["id"], "--name", "At home")["name"] == "At home"
        run("channels", "disable", made["id"])
        key_id, _ = system.create_key("sensors:read")
        with system.admin() as admin:
            admin.post(f"/v1/keys/{key_id}/revoke")
        held = eventually(lambda: run("channels", "show", made["id"])["held"], bool)
        run("channels", "enable", made["id"])
        replayed = run("channels", "replay", made["id"], "--since", "2026-01-01T00:00:00Z")
        assert (replayed["replayed"], replayed["held"]) == (held, 0)
        assert json.loads(hook.wait_for(4)[-1].body)["data"]["key_id"] == key_id
        run("channels", "delete", made["id"])
    shown = grillo("alerts", "rules", "list", key=system.admin_key, url=system.url)
    assert "thresholds_percent: [80, 100]" in shown.stdout


def _use(system: System, admin: httpx.Client, requests: int) -> dict[str, Any]:
    """A new key, used so often. How long its alert takes is for benchmarks/alerts.py to say."""
    body = {"name": "Railway", "permissions": ["sensors:read"], "limits": {"minute": LIMIT}}
    key: dict[str, Any] = admin.post("/v1/keys", json=body).json()
    with system.client(key["key"]) as client:
        for _ in range(requests):
            assert client.get("/v1/sensors?limit=1").status_code == 200
    return key


def _wait_for(hook: Receiver, key_id: str, secret: str) -> list[Any]:
    return eventually(lambda: _about(hook.received, key_id, secret), bool, every=0.01)


def _about(received: list[Received], key_id: str, secret: str) -> list[Any]:
    """What was told about one key; every signature is verified."""
    told = [Webhook(secret).verify(one.body, one.headers) for one in tuple(received)]
    return [one for one in told if one["data"].get("key_id") == key_id]
