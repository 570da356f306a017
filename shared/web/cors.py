"""Which web pages' scripts may read answers (the Fetch standard's CORS). It guards browsers' users; the gate guards us.

A preflight is answered here and in methods.py: it needs no key, and is neither charged nor written down.
"""

from collections.abc import Sequence

import falcon

from shared.web.methods import allowed
from shared.web.operation import operation_of

ANY = "*"
_EVERYBODY = (ANY,)
_MANAGES = ("admin", None)  # None: any key will do, which is how a key learns of itself and gives itself up
_TAKEN = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"
_SHOWN = "ETag, Idempotent-Replay, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
_PREFLIGHT_SECONDS = "600"


class Cors:
    """`origins`: may read everything. None: any origin may read data and what is open, and none what manages keys."""

    def __init__(self, origins: Sequence[str] | None = None) -> None:
        self._origins = origins

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        asked = req.env.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") if req.method == "OPTIONS" else None
        origins = self._origins
        if origins is None:
            operation = operation_of(resource, asked or req.method)
            origins = () if operation is not None and operation.permission in _MANAGES else _EVERYBODY
        if origins is not _EVERYBODY and ANY not in origins:
            resp.append_header("Vary", "Origin")
        origin = req.env.get("HTTP_ORIGIN")
        if origin is None or not (ANY in origins or origin in origins):
            return
        resp.set_header("Access-Control-Allow-Origin", ANY if ANY in origins else origin)
        resp.set_header("Access-Control-Expose-Headers", _SHOWN)
        if asked is not None and resource is not None:
            resp.set_header("Access-Control-Allow-Methods", allowed(resource))
            resp.set_header("Access-Control-Allow-Headers", _TAKEN)
            resp.set_header("Access-Control-Max-Age", _PREFLIGHT_SECONDS)
