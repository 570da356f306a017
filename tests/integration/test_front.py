"""The front's nginx configuration, in a real nginx: what it tells services of the caller, and what it writes down."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.web.tiny import KEYS
from tests.proxies import Proxy, Upstream, nginx
from tests.servers import free_port

CONFIGURATION = Path(__file__).parents[2] / "ops/nginx/grillo.conf"
KEY = KEYS["reader"]
ORIGINAL = {"X-Original-Method": "GET", "X-Original-URI": "/a", "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/a"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Keys and auth; the others do not answer."""
    upstream = Upstream()
    yield upstream
    upstream.close()


def _front(folder: Path, upstream: Upstream, *, asks_for_others: str = "192.0.2.10") -> Proxy:
    port, dead = free_port(), free_port()
    text = CONFIGURATION.read_text().replace("listen 8000;", f"listen 127.0.0.1:{port};")
    for name, place in {"keys": upstream.port, "auth": upstream.port, "usage": dead, "sensors": dead}.items():
        text = text.replace(f"{name}:8000", f"127.0.0.1:{place}")
    return nginx(folder, text.replace("default 0;", f"default 0; {asks_for_others} 1;"), port)


def test_it_appends_the_callers_address_and_logs_no_key_wherever_it_was_sent(
    tmp_path: Path, upstream: Upstream
) -> None:
    with _front(tmp_path, upstream) as front, httpx.Client(base_url=front.url) as client:
        client.get("/v1/keys", headers={"X-Forwarded-For": "1.2.3.4"})
        assert upstream.headers[-1]["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
        for path in (
            f"/v1/keys/{KEY}",
            f"/%67rl_{KEY[4:]}",
            f"/v1/keys?api_key={KEY}",
            f"/v1/sensors/{KEY}/x?api_key={KEY}",
            f"/v1/authorize?api_key={KEY}",
        ):
            client.get(path, headers={"Referer": KEY, "User-Agent": KEY, "X-Original-URI": KEY})
    written = front.written()
    assert written.count("/[redacted]") == 3
    assert " 502 " in written
    assert KEY[4:40] not in written


def test_what_a_stranger_tells_of_another_request_ends_at_the_front(tmp_path: Path, upstream: Upstream) -> None:
    with _front(tmp_path, upstream) as front:
        httpx.get(f"{front.url}/v1/authorize?permission=admin", headers=ORIGINAL)
    assert upstream.lines[-1] == "GET /v1/authorize?permission=admin HTTP/1.1"
    assert not upstream.headers[-1].keys() & {name.lower() for name in ORIGINAL}
    assert upstream.headers[-1]["x-forwarded-for"] == "127.0.0.1"


def test_a_proxy_of_ours_may_tell_of_its_callers_requests_through_the_front(tmp_path: Path, upstream: Upstream) -> None:
    with _front(tmp_path, upstream, asks_for_others="127.0.0.1") as front:
        httpx.get(f"{front.url}/v1/authorize", headers=ORIGINAL | {"X-Forwarded-For": "198.51.100.9"})
    assert {name: upstream.headers[-1][name.lower()] for name in ORIGINAL} == ORIGINAL
    assert upstream.headers[-1]["x-forwarded-for"] == "198.51.100.9, 127.0.0.1"
