"""The internal door: for holders of its token only, with a readiness of its own, and in a gate's name."""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog
from falcon import testing
from sqlalchemy.exc import OperationalError

from shared.gate.gate_process import new_gate_id
from shared.gate.grants.compact_grants import CompactSnapshot
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.snapshot_stream import read
from shared.observability import metrics
from shared.replication.feed import Acknowledgement, FeedUnavailable, GateRefusal, GateRefused
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead
from shared.runtime.clock import ManualClock
from shared.values.accounts import PROMETHEUS, SERVICES
from shared.values.accounts import SHARED as ANYBODY
from shared.web import exception_mapping
from shared.web.internal.remembered import InternalPages
from shared.web.internal_api import FeedPages, GatePlace, GrantsSnapshot, internal_application
from shared.web.requests.internal_callers import InternalCallers, digest_of_token
from shared.web.route import InternalRoute
from tests.gate_examples import NOW, SECRET, MemoryLog, blocks_of, created, grant, revoked, snapshot_of

SHARED = "the internal token"
TOKEN = {"Authorization": f"Bearer {SHARED}"}
TOKENS = {
    "sensors": ["token of sensors", "next token of sensors"],
    "auth": ["token of auth"],
    PROMETHEUS: ["token of prometheus"],
    ANYBODY: [SHARED],
}
CALLERS = InternalCallers((account, digest_of_token(token)) for account in TOKENS for token in TOKENS[account])


def of(account: str, number: int = 0) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[account][number]}"}


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog(ManualClock(NOW))
    log.append(created(1), revoked(1))
    return log


@pytest.fixture
def removed() -> list[str]:
    return []


@pytest.fixture
def door(log: MemoryLog, removed: list[str]) -> testing.TestClient:
    snapshot: Snapshot = snapshot_of(grant(1), place=log.head)
    routes = [
        InternalRoute("/internal/feed", FeedPages(log), SERVICES),
        InternalRoute("/internal/grants", GrantsSnapshot(lambda: blocks_of(snapshot)), frozenset({"auth"})),
        InternalRoute("/internal/gates/{gate_id}", GatePlace(lambda gate, _account: removed.append(gate)), SERVICES),
    ]
    return testing.TestClient(internal_application(routes, is_ready=lambda: False, callers=CALLERS))


@pytest.mark.parametrize("shared_bytes", [0, 1, 10, 31])
def test_a_token_is_known_by_the_whole_of_its_digest(shared_bytes: int) -> None:
    digest = bytes.fromhex(digest_of_token(SHARED))
    near = digest[:shared_bytes] + bytes(byte ^ 0xFF for byte in digest[shared_bytes:])
    callers = InternalCallers([("auth", digest.hex()), ("sensors", near.hex())])
    assert callers.account_of(TOKEN["Authorization"]) == "auth"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/internal/feed"),
        ("GET", "/internal/grants"),
        ("DELETE", "/internal/gates/gate_1"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/nowhere"),
    ],
)
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer another"}, {"Authorization": SHARED}])
def test_without_its_token_the_door_stays_shut(
    door: testing.TestClient, removed: list[str], log: MemoryLog, method: str, path: str, given: dict[str, str]
) -> None:
    assert door.simulate_request(method, path, headers=given, params={"gate": "gate_1"}).status_code == 401
    assert (removed, log.acknowledged) == ([], [])


def test_being_alive_is_no_secret_and_not_being_ready_shuts_nothing_else(door: testing.TestClient) -> None:
    assert door.simulate_get("/healthz").status_code == 200
    assert door.simulate_get("/readyz", headers=TOKEN).status_code == 503
    assert door.simulate_get("/internal/feed", headers=TOKEN).status_code == 200


def test_a_page_goes_on_from_a_place_and_acknowledges_it_only_in_a_gates_name(
    door: testing.TestClient, log: MemoryLog
) -> None:
    place = log.events[0].place
    params: dict[str, Any] = {"epoch": place.epoch, "after": place.position, "hash": place.hash}
    page = door.simulate_get("/internal/feed", headers=TOKEN, params=params).json
    assert [event["position"] for event in page["events"]] == [2]
    assert (page["head"]["position"], page["diverged"]) == (2, False)
    assert log.acknowledged == []
    door.simulate_get("/internal/feed", headers=TOKEN, params=params | {"gate": "gate_1"})
    door.simulate_get("/internal/feed", headers=TOKEN, params={"gate": "gate_2"})
    assert log.acknowledged == [
        Acknowledgement(gate="gate_1", position=1),
        Acknowledgement(gate="gate_2", position=0),
    ]
    elsewhere = door.simulate_get("/internal/feed", headers=TOKEN, params=params | {"epoch": "another"})
    assert elsewhere.json["diverged"]


@pytest.mark.parametrize("params", [{"after": "1"}, {"after": "-1", "hash": "x"}, {"after": "x", "hash": "x"}])
def test_half_a_place_is_refused(door: testing.TestClient, params: dict[str, str]) -> None:
    answer = door.simulate_get("/internal/feed", headers=TOKEN, params={"epoch": "epoch-1"} | params)
    assert answer.status_code == 400


PLACE = {"epoch": "epoch-1", "after": "1", "hash": "x"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"gate": "g" * 5000},
        {"gate": "g" * 33},
        {"gate": "gate 1"},
        {"gate": "gate_1\n"},
        {"gate": "\0"},
        {"gate": "gaté"},
        {"gate": ["gate_1", "gate_2"]},
        {"gate": SECRET},
        {"after": str(10**20)},
        {"after": "9" * 5000},
        {"after": str(2**63)},
        {"after": "1.0"},
        {"hash": "h" * 65},
        {"hash": "\0"},
        {"hash": "a b"},
        {"hash": ["x", "y"]},
        {"epoch": "e" * 33},
        {"epoch": "\ud7ff"},
        {"epoch": ["epoch-1", "epoch-1"]},
        {"events": "0"},
        {"events": "x"},
    ],
    ids=str,
)
def test_what_no_follower_says_of_itself_is_refused_and_not_quoted(
    door: testing.TestClient, log: MemoryLog, wrong: dict[str, Any]
) -> None:
    params = PLACE | {"gate": "gate_1"} | wrong
    answer = door.simulate_get("/internal/feed", headers=TOKEN, params=params, params_csv=False)
    assert (answer.status_code, log.acknowledged) == (400, [])
    assert SECRET not in answer.text


HELD = SignedHead(
    epoch="epoch-1", position=7, hash="a" * 64, signed_at="2026-11-28T12:00:00Z", signer="s", signature="x"
)


def test_a_signed_head_that_the_follower_holds_is_heard_as_it_was_sent(
    door: testing.TestClient, log: MemoryLog
) -> None:
    named = {"follower": "auth.grants", "held": msgspec.json.encode(HELD).decode()}
    assert door.simulate_get("/internal/feed", headers=TOKEN, params=named, params_csv=False).status_code == 200
    assert log.held == HeldHead(follower="auth.grants", head=HELD)
    named = {"follower": "auth.grants", "lost": HELD.signed_at}
    assert door.simulate_get("/internal/feed", headers=TOKEN, params=named, params_csv=False).status_code == 200
    assert log.held == HeldHead(follower="auth.grants", head=None, lost=HELD.signed_at)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"position": position} for position in (-1, 2**63, "7", None)),
        *({name: "\0"} for name in ("epoch", "hash", "signed_at", "signer", "signature")),
        {"signature": "s" * 89},
        {"hash": "h" * 65},
    ],
    ids=str,
)
def test_what_is_no_signed_head_is_refused(door: testing.TestClient, log: MemoryLog, wrong: dict[str, Any]) -> None:
    held = msgspec.json.encode(msgspec.to_builtins(HELD) | wrong)
    named = {"follower": "auth.grants", "held": held.decode()}
    answer = door.simulate_get("/internal/feed", headers=TOKEN, params=named, params_csv=False)
    assert (answer.status_code, log.held) == (400, None)


@pytest.mark.parametrize("gate", ["g" * 33, "g" * 5000, "%00", "gate%201", "gate%0A", SECRET])
def test_what_is_no_gate_is_not_taken_off(door: testing.TestClient, removed: list[str], gate: str) -> None:
    answer = door.simulate_delete(f"/internal/gates/{gate}", headers=TOKEN)
    assert (answer.status_code, removed) == (400, [])
    assert gate not in answer.text


def test_the_greatest_numbers_and_the_ids_of_all_releases_are_taken(door: testing.TestClient, log: MemoryLog) -> None:
    for gate in (new_gate_id(), "gate_1", "a-gate_" + "9" * 25):
        params = PLACE | {"after": str(2**63 - 1), "hash": "f" * 64, "gate": gate, "events": str(10**20)}
        assert door.simulate_get("/internal/feed", headers=TOKEN, params=params).json["diverged"]
        assert log.acknowledged[-1] == Acknowledgement(gate=gate, position=2**63 - 1)


@pytest.mark.parametrize("kept", [*range(len(SHARED)), *range(len(SHARED) + 1, len(SHARED) + 3)])
def test_the_token_is_compared_whole(door: testing.TestClient, kept: int) -> None:
    """Its beginning alone opens nothing, however much of it is right; nor does what goes on behind it."""
    for given in (SHARED[:kept], (SHARED + "~~")[:kept], (SHARED[:kept] + "~" * len(SHARED))[: len(SHARED)]):
        answer = door.simulate_get("/internal/feed", headers={"Authorization": f"Bearer {given}"})
        assert answer.status_code == (200 if given == SHARED else 401)


@pytest.mark.parametrize("number", [0, 1])
def test_while_a_token_is_replaced_both_are_the_account_s(door: testing.TestClient, number: int) -> None:
    assert door.simulate_get("/internal/feed", headers=of("sensors", number)).status_code == 200
    assert door.simulate_get("/internal/grants", headers=of("sensors", number)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "/internal/feed", {"sensors", "auth"}),
        ("GET", "/internal/grants", {"auth"}),
        ("DELETE", "/internal/gates/gate_1", {"sensors", "auth"}),
        ("GET", "/metrics", {PROMETHEUS}),
        ("GET", "/readyz", {"sensors", "auth"}),
    ],
)
def test_each_account_may_ask_what_the_table_says_and_is_told_what_it_may_not(
    door: testing.TestClient, removed: list[str], method: str, path: str, may: set[str]
) -> None:
    before = metrics.internal_refused.labels("not-allowed")._value.get()
    for account in ("sensors", "auth", PROMETHEUS, ANYBODY):
        answer = door.simulate_request(method, path, headers=of(account))
        is_allowed = account in may or account == ANYBODY
        assert (answer.status_code != 403) is is_allowed
        if not is_allowed:
            assert answer.headers["Content-Type"] == "application/problem+json"
            template = path.replace("gate_1", "{gate_id}")
            assert (answer.json["status"], answer.json["detail"]) == (
                403,
                f"{account} may not ask for {template} here.",
            )
    assert metrics.internal_refused.labels("not-allowed")._value.get() == before + 4 - len(may) - 1
    assert len(removed) == (3 if method == "DELETE" else 0)


def test_a_gate_is_spoken_for_by_the_account_of_the_token(door: testing.TestClient, log: MemoryLog) -> None:
    for account in ("sensors", "auth", ANYBODY):
        door.simulate_get("/internal/feed", headers=of(account), params={"gate": f"gate_of_{account}"})
    assert log.accounts == {"gate_of_sensors": "sensors", "gate_of_auth": "auth", "gate_of_shared": None}


@pytest.mark.parametrize(
    ("reason", "status"), [(GateRefusal.FOREIGN, 403), (GateRefusal.CAP, 503)], ids=["foreign", "cap"]
)
def test_a_gate_that_is_refused_gets_no_page_and_is_told_why(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch, reason: GateRefusal, status: int
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise GateRefused(reason)

    monkeypatch.setattr(log, "pull", refuse)
    routes = [
        InternalRoute("/internal/feed", FeedPages(log), SERVICES),
        InternalRoute("/internal/gates/{gate_id}", GatePlace(refuse), SERVICES),
    ]
    door = testing.TestClient(internal_application(routes, is_ready=lambda: True, callers=CALLERS))
    for answer in (
        door.simulate_get("/internal/feed", headers=of("sensors"), params={"gate": "gate_1"}),
        door.simulate_delete("/internal/gates/gate_1", headers=of("sensors")),
    ):
        assert answer.status_code == status
        assert answer.json["detail"].startswith("sensors ")
        assert ("Retry-After" in answer.headers) is (status == 503)


def test_a_gate_that_stopped_is_taken_off(door: testing.TestClient, removed: list[str]) -> None:
    assert door.simulate_delete("/internal/gates/gate_1", headers=TOKEN).status_code == 204
    assert removed == ["gate_1"]


def test_metrics_hold_no_secret(door: testing.TestClient) -> None:
    answer = door.simulate_get("/metrics", headers=of(PROMETHEUS))
    assert "grillo_gate_refusals_total" in answer.text
    assert "grl_" not in answer.text


def test_what_is_opened_on_loopback_opens_nothing_else(removed: list[str]) -> None:
    """Another user of the machine reads metrics; to take a gate off, or to pose as one, needs the token."""
    routes = [
        InternalRoute("/internal/gates/{gate_id}", GatePlace(lambda gate, _account: removed.append(gate)), SERVICES)
    ]
    open_paths = ("/healthz", "/metrics")
    door = testing.TestClient(
        internal_application(routes, is_ready=lambda: True, callers=CALLERS, open_paths=open_paths)
    )
    assert [door.simulate_get(path).status_code for path in open_paths] == [200, 200]
    for path in ("/internal/gates/gate_1", "//internal/gates/gate_1", "/metrics/../internal/gates/gate_1"):
        assert door.simulate_delete(path).status_code == 401
    assert removed == []


@pytest.mark.parametrize("accept", ["application/x-ndjson", "*/*"])
def test_a_snapshot_is_a_stream_for_gates_that_take_one_and_one_document_for_older_ones(
    door: testing.TestClient, log: MemoryLog, accept: str
) -> None:
    answer = door.simulate_get("/internal/grants", headers=TOKEN | {"Accept": accept})
    if accept == "*/*":
        snapshot: Snapshot | CompactSnapshot = msgspec.json.decode(answer.content, type=Snapshot)
    else:
        assert answer.headers["Content-Encoding"] == "gzip"
        snapshot = read([zlib.decompress(answer.content, wbits=31)])
    assert (snapshot.place, [held.key_id for held in snapshot.grants]) == (log.head, ["key_1"])


def test_grants_that_cannot_be_had_now_are_503_before_an_answer_begins() -> None:
    def nothing_yet() -> Iterator[bytes]:
        raise FeedUnavailable("the log is followed anew")
        yield b""

    routes = [InternalRoute("/internal/grants", GrantsSnapshot(nothing_yet), SERVICES)]
    door = testing.TestClient(internal_application(routes, is_ready=lambda: True, callers=CALLERS))
    for accept in ("application/json", "application/x-ndjson"):
        answer = door.simulate_get("/internal/grants", headers=TOKEN | {"Accept": accept})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(
    ("error", "status", "event"),
    [
        (OperationalError(None, None, Exception("connection refused")), 503, "database_away"),
        (RuntimeError(f"while {SECRET}"), 500, "request_failed"),
    ],
)
def test_what_fails_is_told_by_the_log_alone(
    error: Exception, status: int, event: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Falcon itself writes tracebacks to standard error, past redaction and past what bounds the log."""
    # One that was used keeps how logs were configured then.
    monkeypatch.setattr(exception_mapping, "_log", structlog.get_logger())

    def fail(*_: object) -> object:
        raise error

    routes = [InternalRoute("/internal/dead", InternalPages(fail), frozenset({"keys"}))]
    door = testing.TestClient(internal_application(routes, is_ready=lambda: True, callers=CALLERS))
    with structlog.testing.capture_logs() as logged:
        answer = door.simulate_get("/internal/dead", headers=TOKEN)
    assert (answer.status_code, answer.json["status"], [line["event"] for line in logged]) == (status, status, [event])
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_list_comes_in_pages_each_of_which_names_the_next() -> None:
    def page(after: str | None, limit: int) -> object:
        return {"after": after, "limit": limit}

    routes = [InternalRoute("/internal/dead", InternalPages(page), frozenset({"keys"}))]
    door = testing.TestClient(internal_application(routes, is_ready=lambda: True, callers=CALLERS))

    def ask(**params: str) -> testing.Result:
        return door.simulate_get("/internal/dead", headers=TOKEN, params=params)

    assert ask().json == {"after": None, "limit": 500}
    assert ask(after="a1", limit="2").json == {"after": "a1", "limit": 2}
    refused = [ask(limit="0"), ask(limit="1001"), ask(after=""), ask(after="x" * 65), ask(after="a b")]
    assert {answer.status_code for answer in refused} == {400}
    assert door.simulate_get("/internal/dead", headers=of("auth")).status_code == 403
