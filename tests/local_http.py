"""HTTP to what tests start on this machine: without TLS, past any proxy.

httpx's own functions, and a client made without `verify`, read a file of all the world's certificates first, each time:
sixty milliseconds of processor time. What polls, or is a load, would take more of the machine than what it asks.
"""

import ssl
from typing import Any

import httpx

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(**options: Any) -> httpx.Client:
    """`options`: of httpx.Client. https fails where `verify` trusts no certificate, as it does if it is not given."""
    defaults: dict[str, Any] = {"verify": TRUSTS_NOBODY, "trust_env": False}
    return httpx.Client(**defaults | options)


def request(method: str, url: str, *, timeout: float = 5, **parts: Any) -> httpx.Response:
    """On a connection of its own. `timeout`: in seconds; `parts`: as of httpx.request. Raises httpx.HTTPError."""
    with client(timeout=timeout) as once:
        return once.request(method, url, **parts)


def get(url: str, *, timeout: float = 5, **parts: Any) -> httpx.Response:
    return request("GET", url, timeout=timeout, **parts)


def post(url: str, *, timeout: float = 5, **parts: Any) -> httpx.Response:
    return request("POST", url, timeout=timeout, **parts)
