"""Forwarded request: the method, path and keys that a proxy's headers describe (forward-auth).

Whether the proxy may be believed is checked in api.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote_plus, unquote_to_bytes

from shared.observability.redaction import redact
from shared.web.requests.call import NETWORK

PATH_CHARACTERS_MAX = 100  # what usage stores of a route
# nginx and Envoy are configured to send the first, Traefik sends the second unasked.
_FAMILIES = (("X-Original-Method", "X-Original-URI"), ("X-Forwarded-Method", "X-Forwarded-Uri"))
_METHOD = re.compile(r"[A-Z-]{1,16}", re.ASCII)
_CREDENTIAL = "api_key"
_REMEMBERED_MAX, _REMEMBERED_CHARACTERS_MAX = 2048, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedRequest:
    """`path`: as it is recorded and echoed: percent-encoded, without query, at most 100 characters, free of keys.

    `query_keys`: every `api_key` of the query, decoded; `networks`: every `network_id`.
    """

    method: str
    path: str
    query_keys: tuple[str, ...]
    networks: tuple[str, ...] = ()


class ForwardedRequestUnreadable(Exception):
    """The headers do not describe one request, or it carries a key where no proxy would remove it."""


class ForwardedRequests:
    """Reader of them. Those without a query it remembers, for few paths are asked for again and again, and reading one
    costs as much as the gate's verdict. None that is refused stays.
    """

    def __init__(self) -> None:
        self._read_again = lru_cache(maxsize=_REMEMBERED_MAX)(_read)

    def read(self, header: Callable[[str], str | None]) -> ForwardedRequest:
        """`header`: a header's value by name. Raises ForwardedRequestUnreadable."""
        method, uri = _described(header)
        is_remembered = len(uri) <= _REMEMBERED_CHARACTERS_MAX and "?" not in uri
        return (self._read_again if is_remembered else _read)(method, uri)


def _described(header: Callable[[str], str | None]) -> tuple[str, str]:
    described = {(header(method) or None, header(uri) or None) for method, uri in _FAMILIES} - {(None, None)}
    if len(described) > 1:
        raise ForwardedRequestUnreadable("the X-Original-… and X-Forwarded-… headers describe different requests")
    method, uri = described.pop() if described else (None, None)
    if method is None or uri is None:
        raise ForwardedRequestUnreadable(
            "send X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri"
        )
    return method, uri


def _read(method: str, uri: str) -> ForwardedRequest:
    if not _METHOD.fullmatch(method) or not uri.startswith("/"):
        raise ForwardedRequestUnreadable(
            "the forwarded request must have a method in capitals and a path that starts with /"
        )
    path, _, query = uri.partition("?")
    query_keys, others = _credentials(query)
    decoded = unquote_to_bytes(path.encode("latin-1", "replace"))
    _refuse_key_in(decoded.decode("latin-1"))
    _refuse_key_in(unquote_plus(others))
    networks = tuple(value for name, value in parse_qsl(others, keep_blank_values=True) if name == NETWORK)
    path = quote(decoded)[:PATH_CHARACTERS_MAX]
    return ForwardedRequest(method=method, path=path, query_keys=query_keys, networks=networks)


def _credentials(query: str) -> tuple[tuple[str, ...], str]:
    """The keys in a query, and the rest of it, still encoded."""
    keys, others = [], []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) != _CREDENTIAL:
            others.append(part)
        elif name != _CREDENTIAL:
            # A proxy removes the parameter by its plain name; this spelling it would pass on.
            raise ForwardedRequestUnreadable(
                f"the parameter name {_CREDENTIAL} must be written without percent-encoding"
            )
        else:
            keys.append(unquote_plus(value))
    return tuple(keys), "&".join(others)


def _refuse_key_in(text: str) -> None:
    if redact(text) != text:
        raise ForwardedRequestUnreadable(
            f"send the key in the Authorization header or in {_CREDENTIAL}, and nowhere else"
        )
