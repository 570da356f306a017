"""The internal door from outside: what gates and followers make of each answer, and that no word names the token."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import msgspec
import pytest

from shared.feed import FeedUnavailable
from shared.gate import snapshot_stream
from shared.gate.packed import PackedSnapshot
from shared.remote_feed import InternalDoor, RemoteSnapshot
from tests.unit.gate.worlds import blocks_of, grant, snapshot_of

SECRET = "token-of-the-door"
SNAPSHOT = snapshot_of(grant(1), grant(2), place=None)
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the paths it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Authorization']}")
            answer(self)

        do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> Answer:
    """`length`: as it is said, if that is not so."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None

    return answer


def in_chunks(handler: BaseHTTPRequestHandler, *, whole: bool = True) -> None:
    """A snapshot as an internal door sends it."""
    handler.send_response(200)
    handler.send_header("Content-Type", snapshot_stream.CONTENT_TYPE)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    sent = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in snapshot_stream.compressed(blocks_of(SNAPSHOT)))
    handler.wfile.write(sent + b"0\r\n\r\n" if whole else sent[: len(sent) // 2])
    handler.close_connection = not whole


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_is_asked_with_the_token_and_a_slash_behind_its_address_makes_no_difference(slash: str) -> None:
    with served(answering(200, b"yes")) as (url, asked):
        assert InternalDoor(url + slash, SECRET).get("/internal/feed", {"after": "1"}, 5) == b"yes"
    assert asked == [f"/internal/feed?after=1 Bearer {SECRET}"]


@pytest.mark.parametrize(
    "answer",
    [
        answering(500, b"no"),
        answering(401),
        answering(302, Location="/elsewhere"),
        answering(200, b"cut o", length=100),
    ],
    ids=["500", "401", "a redirect", "a cut off answer"],
)
def test_anything_but_a_whole_good_answer_is_none_and_nobody_is_led_elsewhere(answer: Answer) -> None:
    with served(answer) as (url, asked):
        door = InternalDoor(url, SECRET)
        with pytest.raises(FeedUnavailable) as got:
            door.get("/internal/feed", {}, 5)
        with pytest.raises(FeedUnavailable):
            door.delete("/internal/gates/gate_1", 5)
    assert SECRET not in str(got.value)
    assert [line.split()[0] for line in asked] == ["/internal/feed", "/internal/gates/gate_1"]


def test_who_does_not_answer_in_time_does_not_answer() -> None:
    over: list[BaseHTTPRequestHandler] = []
    with served(over.append) as (url, _), pytest.raises(FeedUnavailable):
        InternalDoor(url, SECRET).get("/internal/feed", {}, 0.05)


def test_a_token_that_cannot_be_sent_is_not_quoted() -> None:
    with served(answering(200)) as (url, _), pytest.raises(FeedUnavailable) as got:
        InternalDoor(url, f"{SECRET}\n").get("/internal/feed", {}, 5)
    assert SECRET not in f"{got.value} {got.value.__cause__}"


@pytest.mark.parametrize(
    "answer",
    [
        in_chunks,
        answering(200, msgspec.json.encode(SNAPSHOT), Content_Type="application/json"),
        answering(
            200,
            gzip.compress(b"\n".join([*blocks_of(SNAPSHOT), b"", b""])),
            Content_Type=snapshot_stream.CONTENT_TYPE,
            Content_Encoding="gzip",
        ),
    ],
    ids=["a stream", "of an older auth", "in one piece, by another gzip"],
)
def test_a_snapshot_is_read_however_it_is_sent(answer: Answer) -> None:
    with served(answer) as (url, _):
        snapshot = RemoteSnapshot(InternalDoor(url, SECRET))()
    held = snapshot.grants
    assert sorted(each.key_id for each in held) == ["key_1", "key_2"]
    assert (snapshot.frame if isinstance(snapshot, PackedSnapshot) else snapshot).tiers == SNAPSHOT.tiers


@pytest.mark.parametrize(
    "answer",
    [lambda handler: in_chunks(handler, whole=False), answering(200, b"<html>"), answering(503)],
    ids=["cut off", "something else", "503"],
)
def test_what_is_no_whole_snapshot_is_none(answer: Answer) -> None:
    with served(answer) as (url, _), pytest.raises(FeedUnavailable):
        RemoteSnapshot(InternalDoor(url, SECRET))()
