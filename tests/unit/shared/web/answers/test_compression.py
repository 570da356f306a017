"""Which answers are compressed, and that what is read is what was sent."""

import gzip
from collections.abc import Iterable
from typing import Any

import pytest

from shared.web.answers.compression import BYTES_MIN, Compression, accepts_gzip

LONG = b'{"name": "key"}' * BYTES_MIN


class Streamed:
    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Any:
        yield from (LONG, b"", LONG)

    def close(self) -> None:
        self.is_closed = True


def ask(
    body: Iterable[bytes],
    *headers: tuple[str, str],
    accepted: str = "gzip",
    method: str = "GET",
    status: str = "200 OK",
    media_type: str = "application/json",
) -> tuple[dict[str, str], Any]:
    told: dict[str, str] = {}

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [("Content-Type", media_type), ("Content-Length", "1"), *headers])
        return body

    environ = {"REQUEST_METHOD": method, "HTTP_ACCEPT_ENCODING": accepted}
    return told, Compression(app)(environ, lambda _status, sent, _exc_info=None: told.update(sent))


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/problem+json",
        "text/csv; charset=utf-8",
        "text/html",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/javascript",
    ],
)
def test_a_long_text_is_compressed_and_its_tag_is_weak(media_type: str) -> None:
    told, body = ask([LONG], ("ETag", '"7.ab"'), ("Vary", "Origin"), media_type=media_type)
    assert gzip.decompress(b"".join(body)) == LONG
    assert told["Content-Encoding"] == "gzip"
    assert told["Content-Length"] == str(len(body[0]))
    assert told["ETag"] == 'W/"7.ab"'
    assert told["Vary"] == "Origin, Accept-Encoding"


def test_what_is_streamed_is_compressed_as_it_comes_and_closed_even_if_nobody_reads_on() -> None:
    streamed = Streamed()
    told, body = ask(streamed, media_type="text/csv")
    assert gzip.decompress(b"".join(body)) == LONG + LONG
    assert "Content-Length" not in told
    _, unread = ask(abandoned := Streamed(), media_type="text/csv")
    unread.close()
    assert abandoned.is_closed


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ([LONG], {"method": "POST"}),  # it may show a new secret
        ([LONG[: BYTES_MIN - 1]], {}),
        ([LONG], {"media_type": "application/vnd.fdsn.mseed"}),
        ([LONG], {"media_type": "text/event-stream"}),
        ([LONG], {"status": "206 Partial Content"}),
    ],
    ids=["a POST", "short", "miniSEED", "events", "a part"],
)
def test_nothing_else_is(body: list[bytes], how: dict[str, str]) -> None:
    told, sent = ask(body, **how)
    assert sent is body
    assert "Content-Encoding" not in told
    assert "Vary" not in told


def test_a_head_tells_that_its_get_would_vary() -> None:
    nothing: list[bytes] = []
    told, sent = ask(nothing, ("Content-Length", str(BYTES_MIN)), method="HEAD")
    assert sent is nothing
    assert told["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in told


def test_what_is_encoded_already_stays_as_it_is() -> None:
    told, sent = ask([LONG], ("Content-Encoding", "br"))
    assert sent == [LONG]
    assert told["Content-Encoding"] == "br"


def test_who_does_not_accept_it_is_sent_the_text_and_caches_know_the_difference() -> None:
    told, sent = ask([LONG], accepted="br")
    assert sent == [LONG]
    assert told["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip", True),
        ("*;q=0", False),
        ("gzipped", False),
        ("gzip;q=.", False),
        ("identity", False),
    ],
)
def test_acceptance_is_as_its_weights_say(header: str, accepts: bool) -> None:
    assert accepts_gzip(header) is accepts
