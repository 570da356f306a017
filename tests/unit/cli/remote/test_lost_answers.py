"""What the command line does when an answer is lost, or the server has no time: it sends the same request again."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.cli.failure import Failure
from services.cli.remote.client import Client
from services.cli.remote.repetition import TRIES, WAIT_SECONDS_MAX

Reply = httpx.Response | Exception
LOST = [
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("closed"),
    httpx.ReadTimeout("nothing"),
    httpx.WriteError(""),
]


class Server:
    """Replies in turn, the last one for ever; keeps what it was asked, and how long it was left alone."""

    def __init__(self, *replies: Reply) -> None:
        self._replies, self.asked, self.waits = list(replies), list[httpx.Request](), list[float]()

    def reply(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def client(self) -> Client:
        return Client(httpx.MockTransport(self.reply), self.waits.append)

    def keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.asked]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRILLO_API_KEY", "grl_x")


def done(status: int = 200, **body: Any) -> httpx.Response:
    return httpx.Response(status, json={"id": "key_1"} | body, headers={"X-Request-Id": "req_1"})


def refused(status: int, name: str, **headers: str) -> httpx.Response:
    body = {"type": f"/problems/{name}", "title": name, "status": status, "detail": "because", "request_id": "req_1"}
    return httpx.Response(status, json=body, headers={"X-Request-Id": "req_1"} | headers)


@pytest.mark.parametrize("lost", LOST, ids=lambda error: type(error).__name__)
def test_a_post_whose_answer_is_lost_is_sent_again_under_the_same_idempotency_key(lost: Exception) -> None:
    server = Server(lost, done())
    assert server.client().post("/v1/keys", {"name": "x"}) == {"id": "key_1"}
    first, second = server.keys()
    assert first is not None
    assert first == second
    assert server.asked[0].content == server.asked[1].content


def test_two_posts_are_two_requests_and_what_reads_needs_no_key() -> None:
    server = Server(done())
    client = server.client()
    client.post("/v1/keys", {})
    client.post("/v1/keys", {})
    client.get("/v1/keys")
    client.delete("/v1/keys/key_1")
    first, second, *others = server.keys()
    assert None not in (first, second)
    assert first != second
    assert others == [None, None]


def test_a_patch_that_gives_a_new_secret_is_one_request_too() -> None:
    server = Server(httpx.ReadError(""), done())
    server.client().patch("/v1/keys/key_1", {"regenerate": True}, {})
    first, second = server.keys()
    assert first is not None
    assert first == second


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_has_no_time_is_left_alone_for_as_long_as_it_asks(status: int) -> None:
    server = Server(refused(status, "unavailable", **{"Retry-After": "7"}), refused(status, "unavailable"), done())
    server.client().post("/v1/keys", {})
    told, untold = server.waits
    assert 7 <= told < 9
    assert 0 < untold < told
    assert len(set(server.keys())) == 1


def test_it_gives_up_after_some_tries_and_at_once_where_it_would_wait_long() -> None:
    away = Server(httpx.ReadError("reset"))
    with pytest.raises(Failure, match="may have been done"):
        away.client().post("/v1/keys", {})
    assert len(away.asked) == TRIES
    later = Server(refused(503, "unavailable", **{"Retry-After": str(WAIT_SECONDS_MAX + 1)}))
    with pytest.raises(Failure, match=r"\(503\)"):
        later.client().get("/v1/keys")
    assert (len(later.asked), later.waits) == (1, [])


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("")])
def test_a_server_that_is_not_there_is_asked_once(error: Exception) -> None:
    server = Server(error)
    with pytest.raises(Failure, match="GRILLO_URL"):
        server.client().post("/v1/keys", {})
    assert len(server.asked) == 1


def test_a_server_that_is_gone_when_it_is_asked_again_may_have_done_it() -> None:
    with pytest.raises(Failure, match="may have been done"):
        Server(httpx.ReadError(""), httpx.ConnectError("")).client().post("/v1/keys", {})


def test_what_is_still_being_done_is_asked_for_again_and_any_other_conflict_is_told() -> None:
    running = Server(httpx.ReadTimeout(""), refused(409, "conflict"), done())
    assert running.client().post("/v1/keys", {})["id"] == "key_1"
    conflict = Server(refused(409, "conflict"))
    with pytest.raises(Failure, match=r"\(409\)"):
        conflict.client().post("/v1/keys", {})
    assert len(conflict.asked) == 1


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda client: client.delete("/v1/keys/key_1"), refused(404, "not-found")),
        (lambda client: client.patch("/v1/keys/key_1", {}, {"If-Match": '"1"'}), refused(412, "precondition-failed")),
    ],
    ids=["a deletion", "a change of one revision"],
)
def test_a_refusal_that_the_lost_request_may_have_caused_says_so(
    ask: Callable[[Client], Any], answer: httpx.Response
) -> None:
    with pytest.raises(Failure, match="may have done it"):
        ask(Server(httpx.ReadError(""), answer).client())
    with pytest.raises(Failure) as plain:
        ask(Server(answer).client())
    assert "may have done it" not in str(plain.value)
