"""`grillo alerts …`: what each command asks of the API, and what it tells."""

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.cli.failure import Failure
from services.cli.remote import resource
from services.cli.remote.alerting import alerts
from services.cli.remote.client import Client

WEBHOOK: dict[str, Any] = {
    "id": "chn_1",
    "kind": "webhook",
    "name": "Ops",
    "url": "https://a.example/b",
    "events": ["AlertRaised"],
}
WEBHOOK |= {"disabled_reason": None, "held": 0}
RULE: dict[str, Any] = {
    "id": "rul_1",
    "kind": "quota",
    "parameters": {"thresholds_percent": [80, 100]},
    "key_ids": None,
}
RULE |= {"label": "env:prod", "channels": [], "muted": False, "warnings": []}
ALERT: dict[str, Any] = {
    "id": "alr_1",
    "kind": "quota",
    "key_id": "key_1",
    "facts": {"at": "2026-11-28T12:00:00Z", "used": 7},
}
ALERT |= {"raised_at": "2026-11-28T12:00:00Z", "resolved_at": None}
DELIVERY: dict[str, Any] = {
    "id": "dlv_1",
    "created_at": "2026-11-28T12:00:00Z",
    "type": "KeyRevoked",
    "channel_id": "chn_1",
}
DELIVERY |= {"status": "held", "attempts": [{"number": 1}], "last_answer": {"status": 410, "fault": None}}


class Server:
    """Keeps what it was asked as (method, path with query, body), and answers with `answer`, or a page of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[httpx.Headers] = []
        self.answer: dict[str, Any] = WEBHOOK | {"replayed": 0}

    def reply(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode().replace("limit=100&", "").replace("?limit=100", "")
        self.asked.append((request.method, target, json.loads(request.content) if request.content else None))
        self.headers.append(request.headers)
        is_list = request.method == "GET" and "limit" in request.url.params
        document = {"data": [self.answer], "next_cursor": None} if is_list else self.answer
        return httpx.Response(200, json=document, headers={"X-Request-Id": "req_1"})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setenv("GRILLO_API_KEY", "grl_x")
    monkeypatch.setattr(resource, "Client", lambda: Client(httpx.MockTransport(server.reply)))
    return server


def run(*arguments: str) -> Any:
    return CliRunner().invoke(alerts.app, arguments, terminal_width=200, catch_exceptions=True)


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (
            "list --key key_1 --rule rul_1 --kind quota --status open "
            "--from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z",
            "GET /v1/alerts?key_id=key_1&rule_id=rul_1&kind=quota&status=open"
            "&to=2026-12-01T00%3A00%3A00Z&from=2026-11-01T00%3A00%3A00Z",
        ),
        ("show alr_1", "GET /v1/alerts/alr_1"),
        ("rules list", "GET /v1/alert-rules"),
        ("rules show rul_1", "GET /v1/alert-rules/rul_1"),
        ("rules delete rul_1", "DELETE /v1/alert-rules/rul_1"),
        ("channels list", "GET /v1/channels"),
        ("channels show chn_1", "GET /v1/channels/chn_1"),
        ("channels delete chn_1", "DELETE /v1/channels/chn_1"),
        ("deliveries list --channel chn_1 --status held", "GET /v1/deliveries?channel_id=chn_1&status=held"),
        ("deliveries show dlv_1", "GET /v1/deliveries/dlv_1"),
    ],
)
def test_what_is_read_or_deleted(server: Server, command: str, asked: str) -> None:
    done = run(*command.split(), "--json")
    assert done.exit_code == 0, done.output
    assert server.asked == [(*asked.split(), None)]
    assert json.loads(done.stdout) in (server.answer, [server.answer])


@pytest.mark.parametrize(
    ("command", "asked", "body"),
    [
        ("rules create quota", "POST /v1/alert-rules", {"kind": "quota", "muted": False}),
        (
            "rules create error-rate --parameter threshold_percent=10 --label env:prod --channel chn_1 --muted",
            "POST /v1/alert-rules",
            {
                "kind": "error-rate",
                "parameters": {"threshold_percent": 10},
                "label": "env:prod",
                "channels": ["chn_1"],
                "muted": True,
            },
        ),
        (
            "rules edit rul_1 --parameter thresholds_percent=90 --key key_1 --clear channels",
            "PATCH /v1/alert-rules/rul_1",
            {"parameters": {"thresholds_percent": [90]}, "key_ids": ["key_1"], "channels": None},
        ),
        ("rules edit rul_1 --clear parameters.days", "PATCH /v1/alert-rules/rul_1", {"parameters": {"days": None}}),
        ("rules edit rul_1 --label env=prod", "PATCH /v1/alert-rules/rul_1", {"label": "env:prod"}),
        ("rules mute rul_1", "PATCH /v1/alert-rules/rul_1", {"muted": True}),
        (
            "channels create webhook https://a.example/b --name Ops --event KeyRevoked",
            "POST /v1/channels",
            {"kind": "webhook", "url": "https://a.example/b", "name": "Ops", "events": ["KeyRevoked"]},
        ),
        (
            "channels create email ops@example.org",
            "POST /v1/channels",
            {"kind": "email", "address": "ops@example.org"},
        ),
        (
            "channels edit chn_1 --url https://c.example/d --clear name",
            "PATCH /v1/channels/chn_1",
            {"url": "https://c.example/d", "name": None},
        ),
        ("channels disable chn_1", "PATCH /v1/channels/chn_1", {"disabled": True}),
        ("channels enable chn_1", "PATCH /v1/channels/chn_1", {"disabled": False}),
        ("channels test chn_1", "POST /v1/channels/chn_1/test", {}),
        (
            "channels rotate-secret chn_1 --overlap 60",
            "POST /v1/channels/chn_1/rotate-secret",
            {"overlap_seconds": 60},
        ),
        ("channels rotate-secret chn_1 --instead", "POST /v1/channels/chn_1/rotate-secret", {"instead": True}),
        (
            "channels replay chn_1 --since 2026-11-28T12:00:00Z",
            "POST /v1/channels/chn_1/replay",
            {"since": "2026-11-28T12:00:00Z"},
        ),
        ("channels replay chn_1", "POST /v1/channels/chn_1/replay", {}),
        ("deliveries redeliver dlv_1", "POST /v1/deliveries/dlv_1/redeliver", {}),
    ],
)
def test_what_is_changed(server: Server, command: str, asked: str, body: dict[str, Any]) -> None:
    done = run(*command.split(), "--json")
    assert done.exit_code == 0, done.output
    assert server.asked == [(*asked.split(), body)]
    assert ("Idempotency-Key" in server.headers[0]) == asked.startswith("POST")


def test_a_change_may_be_of_one_revision_only(server: Server) -> None:
    run("rules", "edit", "rul_1", "--label", "env:prod", "--revision", "7")
    assert server.headers[0]["If-Match"] == '"7"'


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rules edit rul_1", "nothing to change"),
        ("channels edit chn_1", "nothing to change"),
        ("rules edit rul_1 --label prod", "env:prod"),
        ("rules edit rul_1 --label env:prod --clear label", "at once"),
        ("rules edit rul_1 --clear kind", "cannot be cleared"),
        ("rules create quota --parameter threshold_percent:10", "threshold_percent=10"),
        ("channels create pigeon loft", "webhook, email"),
        ("list --from yesterday", "2026-11-23T08:17:00Z"),
        ("show ../keys", "letters, digits"),
    ],
)
def test_wrong_usage_asks_nobody(server: Server, command: str, said: str) -> None:
    done = run(*command.split())
    assert (done.exit_code, server.asked) == (2, [])
    assert said in done.output


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        ("list", ALERT, ("alr_1", "2026-11-28 12:00", "open", "used: 7")),
        ("rules list", RULE, ("rul_1", "thresholds_percent: [80, 100]", "env:prod", "all")),
        ("channels list", WEBHOOK | {"held": 3, "disabled_reason": "gone"}, ("chn_1", "Ops", "gone", "3")),
        ("deliveries list", DELIVERY, ("dlv_1", "KeyRevoked", "held", "410")),
        ("channels show chn_1", WEBHOOK, ("https://a.example/b",)),
        ("channels replay chn_1", {"id": "chn_1", "replayed": 2, "held": 1}, ("2 messages on their way", "1 still")),
    ],
)
def test_what_people_are_told(server: Server, command: str, answer: dict[str, Any], told: tuple[str, ...]) -> None:
    server.answer = answer
    done = run(*command.split())
    assert [text for text in told if text not in done.stdout] == []


@pytest.mark.parametrize("command", ["channels create webhook https://a.example/b", "channels rotate-secret chn_1"])
def test_a_secret_stands_alone_on_standard_output_and_one_that_is_lost_is_a_failure(
    server: Server, command: str
) -> None:
    server.answer = WEBHOOK | {"secret": "whsec_x"}
    done = run(*command.split())
    assert (done.stdout, "only time" in done.stderr) == ("whsec_x\n", True)
    server.answer = WEBHOOK | {"secret": None}
    lost = run(*command.split())
    assert isinstance(lost.exception, Failure)
    assert "grillo alerts channels rotate-secret chn_1 --instead" in str(lost.exception)
    assert "whsec" not in lost.stdout


def test_mail_has_no_secret_that_could_be_lost(server: Server) -> None:
    server.answer = {"id": "chn_1", "kind": "email", "address": "ops@example.org", "secret": None}
    assert run("channels", "create", "email", "ops@example.org").stdout == "chn_1 created.\n"
