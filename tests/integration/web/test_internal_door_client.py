"""The internal door from outside: what gates and followers make of each answer, and that no word names the token."""

import gzip
import socket
from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from shared.gate.grants import snapshot_stream
from shared.gate.grants.compact_grants import CompactSnapshot
from shared.gate.grants.remote_snapshot import RemoteSnapshot
from shared.replication import internal_client
from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient
from tests.gate_examples import blocks_of, grant, snapshot_of
from tests.receivers import Received, drip, hang, receiver, status

SECRET = "token-of-the-door"
SNAPSHOT = snapshot_of(grant(1), grant(2), place=None)
STREAM = {"Content-Type": snapshot_stream.CONTENT_TYPE, "Content-Encoding": "gzip"}
Answer = Callable[[socket.socket, Received], None]


def cut_off(connection: socket.socket, _: Received) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut o")


def drip_behind_a_head(connection: socket.socket, asked: Received) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    drip(connection, asked)


def in_chunks(connection: socket.socket, _: Received, *, whole: bool = True) -> None:
    """A snapshot as an internal door sends it."""
    head = "".join(f"{name}: {value}\r\n" for name, value in (STREAM | {"Transfer-Encoding": "chunked"}).items())
    sent = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in snapshot_stream.compressed(blocks_of(SNAPSHOT)))
    connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
    connection.sendall(sent + b"0\r\n\r\n" if whole else sent[: len(sent) // 2])


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_is_asked_with_the_token_and_a_slash_behind_its_address_makes_no_difference(slash: str) -> None:
    with receiver(status(200, body=b"yes")) as served:
        assert InternalClient(served.url(slash), SECRET).get("/internal/feed", {"after": "1"}, 5) == b"yes"
    assert [(asked.path, asked.headers["authorization"]) for asked in served.received] == [
        ("/internal/feed?after=1", f"Bearer {SECRET}")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        status(500, body=b"no"),
        status(401),
        status(302, {"Location": "/elsewhere"}),
        cut_off,
    ],
    ids=["500", "401", "a redirect", "a cut off answer"],
)
def test_anything_but_a_whole_good_answer_is_none_and_nobody_is_led_elsewhere(answer: Answer) -> None:
    with receiver(answer) as served:
        door = InternalClient(served.url(""), SECRET)
        with pytest.raises(FeedUnavailable) as got:
            door.get("/internal/feed", {}, 5)
        with pytest.raises(FeedUnavailable):
            door.delete("/internal/gates/gate_1", 5)
    assert SECRET not in str(got.value)
    assert [asked.path for asked in served.received] == ["/internal/feed", "/internal/gates/gate_1"]


def test_a_connection_is_kept_and_one_that_has_ended_meanwhile_is_replaced() -> None:
    def twice(connection: socket.socket, _: Received) -> None:
        yes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
        connection.sendall(yes)
        connection.recv(1024)
        connection.sendall(yes)

    with receiver(twice) as served:
        door = InternalClient(served.url(""), SECRET)
        assert [door.get("/internal/feed", {}, 5) for _ in range(4)] == [b"yes"] * 4
        assert served.connections == 2


def test_who_does_not_answer_in_time_does_not_answer() -> None:
    with receiver(hang) as served, pytest.raises(FeedUnavailable):
        InternalClient(served.url(""), SECRET).get("/internal/feed", {}, 0.05)


@pytest.mark.parametrize("answer", [drip, drip_behind_a_head], ids=["from the first", "its body"])
def test_an_answer_that_drips_is_none_though_no_read_of_it_takes_long(answer: Answer) -> None:
    with receiver(answer) as served, pytest.raises(FeedUnavailable, match="TimeoutError"):
        InternalClient(served.url(""), SECRET).get("/internal/feed", {}, 0.3)


@pytest.mark.parametrize(
    "head", ["Content-Length: 99999999999", "Transfer-Encoding: chunked", "Connection: close"], ids=str.lower
)
def test_an_answer_without_end_is_none_and_little_of_it_is_read(monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    def endless(connection: socket.socket, _: Received) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        block = b"x" * 1024
        while True:
            connection.sendall(b"400\r\n" + block + b"\r\n" if "chunked" in head else block)

    monkeypatch.setattr(internal_client, "ANSWER_BYTES_MAX", 4096)
    with receiver(endless) as served, pytest.raises(FeedUnavailable, match="HTTPException"):
        InternalClient(served.url(""), SECRET).get("/internal/feed", {}, 60)


def test_a_token_that_cannot_be_sent_is_not_quoted() -> None:
    with receiver(status(200)) as served, pytest.raises(FeedUnavailable) as got:
        InternalClient(served.url(""), f"{SECRET}\n").get("/internal/feed", {}, 5)
    assert SECRET not in f"{got.value} {got.value.__cause__}"


@pytest.mark.parametrize(
    "answer",
    [
        in_chunks,
        status(200, {"Content-Type": "application/json"}, msgspec.json.encode(SNAPSHOT)),
        status(200, STREAM, gzip.compress(b"\n".join([*blocks_of(SNAPSHOT), b"", b""]))),
    ],
    ids=["a stream", "of an older auth", "in one piece, by another gzip"],
)
def test_a_snapshot_is_read_however_it_is_sent(answer: Answer) -> None:
    with receiver(answer) as served:
        snapshot = RemoteSnapshot(InternalClient(served.url(""), SECRET))()
    held = snapshot.grants
    assert sorted(each.key_id for each in held) == ["key_1", "key_2"]
    assert (snapshot.frame if isinstance(snapshot, CompactSnapshot) else snapshot).tiers == SNAPSHOT.tiers


@pytest.mark.parametrize(
    "answer",
    [partial(in_chunks, whole=False), status(200, body=b"<html>"), status(503)],
    ids=["cut off", "something else", "503"],
)
def test_what_is_no_whole_snapshot_is_none(answer: Answer) -> None:
    with receiver(answer) as served, pytest.raises(FeedUnavailable):
        RemoteSnapshot(InternalClient(served.url(""), SECRET))()
