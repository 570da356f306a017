"""Commands whose answers are lost on the way: what they asked for is done once, and they say what became of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.running import SECRET, Embedded, grillo
from tests.proxies import LosesAnswers

pytestmark = pytest.mark.xdist_group("embedded")


@pytest.fixture
def way(embedded: Embedded) -> Iterator[LosesAnswers]:
    way = LosesAnswers(embedded.url)
    yield way
    way.close()


def run(system: Embedded, way: LosesAnswers, *arguments: str, losses: int = 1) -> tuple[int, Any, str]:
    """(exit status, the JSON that it printed, standard error), where so many answers are lost."""
    way.losses, way.passed = losses, []
    done = grillo(*arguments, "--json", key=system.admin_key, url=way.url)
    assert way.losses == 0, "nothing was lost"
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_what_makes_something_makes_it_once_and_says_how_to_get_the_secret_that_was_lost(
    embedded: Embedded, way: LosesAnswers
) -> None:
    """Twice: the repetition's answer is lost, too."""
    status, made, told = run(
        embedded, way, "keys", "create", "Lost once", "--permission", "sensors:read", "--label", "lost:key", losses=2
    )
    assert (status, made["key"], way.passed) == (1, None, [("POST", "/v1/keys")] * 3)
    assert f"`grillo keys rotate {made['id']} --instead`" in told
    with embedded.admin() as admin:
        listed = admin.get("/v1/keys", params={"label": "lost:key"}).json()["data"]
        assert [key["id"] for key in listed] == [made["id"]]

        status, rule, _ = run(embedded, way, "alerts", "rules", "create", "volume", "--label", "lost:rule")
        rules = admin.get("/v1/alert-rules", params={"limit": 100}).json()["data"]
        assert (status, [one["id"] for one in rules if one["label"] == "lost:rule"]) == (0, [rule["id"]])

        hook = ("webhook", "http://127.0.0.1:9/lost")
        status, channel, told = run(embedded, way, "alerts", "channels", "create", *hook, "--name", "Lost")
        channels = admin.get("/v1/channels").json()["data"]
        assert (status, [one["id"] for one in channels if one["name"] == "Lost"]) == (1, [channel["id"]])
        assert f"`grillo alerts channels rotate-secret {channel['id']} --instead`" in told

        status, test, _ = run(embedded, way, "alerts", "channels", "test", channel["id"])
        sent = admin.get("/v1/deliveries", params={"channel_id": channel["id"]}).json()["data"]
        assert (status, [one["id"] for one in sent]) == (0, [test["id"]])
    assert grillo("alerts", "rules", "delete", rule["id"], key=embedded.admin_key, url=embedded.url).returncode == 0
    assert (
        grillo("alerts", "channels", "delete", channel["id"], key=embedded.admin_key, url=embedded.url).returncode == 0
    )


def test_what_renews_a_key_renews_it_once_and_ends_nothing_that_is_in_use(
    embedded: Embedded, way: LosesAnswers
) -> None:
    key_id, first = embedded.create_key("sensors:read")
    status, rotated, told = run(embedded, way, "keys", "rotate", key_id, "--grace", "600")
    assert (status, rotated["key"], rotated["revision"]) == (1, None, 2)
    told_command = f"grillo keys rotate {key_id} --instead"
    assert f"`{told_command}`" in told
    again = grillo(*told_command.split()[1:], key=embedded.admin_key, url=embedded.url)
    for secret in (first, again.stdout.strip()):
        with embedded.client(secret) as client:
            assert client.get("/v1/sensors").status_code == 200
    status, edited, told = run(embedded, way, "keys", "edit", key_id, "--name", "Anew", "--regenerate")
    assert (status, edited["name"], edited["key"], edited["revision"]) == (1, "Anew", None, 5)
    assert "--instead" in told
    assert SECRET.search((told + json.dumps([rotated, edited])).encode()) is None


@pytest.mark.parametrize(("verb", "expected"), [("suspend", 2), ("resume", 3), ("revoke", 2)])
def test_what_changes_a_key_is_one_event_and_its_receipt_comes(
    embedded: Embedded, way: LosesAnswers, verb: str, expected: int
) -> None:
    key_id, _ = embedded.create_key("sensors:read")
    with embedded.admin() as admin:
        if verb == "resume":
            admin.post(f"/v1/keys/{key_id}/suspend").raise_for_status()
        status, changed, told = run(embedded, way, "keys", verb, key_id)
        assert (status, told) == (0, "")
        assert changed["receipt"]["propagated"]
        revision = admin.get(f"/v1/keys/{key_id}").json()["revision"]
        assert (revision, changed["revision"]) == (expected, expected)


def test_a_deletion_whose_receipt_was_lost_is_not_called_one_that_never_was(
    embedded: Embedded, way: LosesAnswers
) -> None:
    key_id, _ = embedded.create_key("sensors:read")
    status, _, told = run(embedded, way, "keys", "delete", key_id, "--yes")
    assert (status, "(404)" in told, "may have done it" in told) == (1, True, True)
