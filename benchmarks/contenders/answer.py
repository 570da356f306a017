"""What every contender answers to the same path: the gated one encodes CONTENT each time (constant_web.py)."""

from typing import Any

PATH = "/v1/events"
CONTENT: Any = {"data": [], "next_cursor": None}
BODY = b'{"data":[],"next_cursor":null}'
HEADERS = {
    "x-request-id": "req_0123456789abcdef01234567",
    "cache-control": "private",
    "ratelimit-policy": '"minute";q=300;w=60, "day";q=100000;w=86400',
    "ratelimit": '"minute";r=299;t=60, "day";r=99999;t=43200',
}
