"""CORS (the Fetch standard): which web pages' scripts may read answers. It protects browsers' users, not this service.

Preflights are answered here and in http_methods.py. They need no key, and are neither charged nor recorded.
"""

from collections.abc import Sequence

import falcon

from shared.web.http_methods import allowed
from shared.web.operation import Operation, operation_of

ANY = "*"
_EVERYBODY = (ANY,)
_MANAGES = ("admin", None)  # None: any key will do; such operations show a key its own state or revoke it
_TAKEN = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range, traceparent, tracestate, "
    "X-Request-Id"
)
_SHOWN = (
    "Accept-Ranges, Content-Disposition, Content-Language, Content-Range, ETag, Idempotent-Replay, Location, "
    "RateLimit, RateLimit-Policy, Repr-Digest, Retry-After, WWW-Authenticate, X-Accepted-Permission, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
)
_PREFLIGHT_SECONDS = "600"
_NOTHING: tuple[tuple[str, str], ...] = ()
_VARY = (("vary", "Origin"),)


class Cors:
    """`origins`: may read everything. None: any origin may read data and open paths, none key management."""

    def __init__(self, origins: Sequence[str] | None = None) -> None:
        self._origins = origins

    def headers(self, operation: Operation | None, origin: str | None) -> tuple[tuple[str, str], ...]:
        """The CORS headers of an answer. `operation` None: none is declared; `origin` None: none was sent."""
        origins = self._origins
        if origins is None:
            origins = () if operation is not None and operation.permission in _MANAGES else _EVERYBODY
        vary = _NOTHING if ANY in origins else _VARY
        if origin is None or not (ANY in origins or origin in origins):
            return vary
        reader = ANY if ANY in origins else origin
        return (*vary, ("access-control-allow-origin", reader), ("access-control-expose-headers", _SHOWN))

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Falcon middleware, for what Falcon answers itself: preflights, for example."""
        asked = req.get_header("Access-Control-Request-Method") if req.method == "OPTIONS" else None
        headers = self.headers(operation_of(resource, asked or req.method), req.get_header("Origin"))
        for name, value in headers:
            resp.append_header(name, value)
        if len(headers) > len(_VARY) and asked is not None and resource is not None:
            resp.set_header("Access-Control-Allow-Methods", allowed(resource))
            resp.set_header("Access-Control-Allow-Headers", _TAKEN)
            resp.set_header("Access-Control-Max-Age", _PREFLIGHT_SECONDS)
