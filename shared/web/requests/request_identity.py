"""Request id and client address of every request, found before anything is decided."""

import re
import secrets
from collections.abc import Callable
from itertools import count
from typing import Any

import falcon

from shared.observability import logs, trace_context
from shared.observability.redaction import redact
from shared.web.requests.client_address import TrustedProxies

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}", re.ASCII)
_LOOPBACK = "127.0.0.1"  # the peer, if the WSGI server does not name it


class RequestIdentity:
    """Finds each request's id (X-Request-Id if the caller sent a valid one, else a new one) and its client address."""

    def __init__(self, proxies: TrustedProxies) -> None:
        self._caller = proxies.caller
        self._new_id = _new_request_ids()

    def identify(self, environ: dict[str, Any]) -> tuple[str, str]:
        """(request id, client address). From here on every log line has both, and the caller's trace, if it has one."""
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given is not None and _is_sane(given) else self._new_id()
        # Not Falcon's access_route: that believes X-Forwarded-For from anybody.
        caller = self._caller(environ.get("REMOTE_ADDR", _LOOPBACK), environ.get("HTTP_X_FORWARDED_FOR", ""))
        identity = request_id, caller
        logs.request.set(identity)
        traceparent = environ.get("HTTP_TRACEPARENT")
        trace_context.current.set(None if traceparent is None else trace_context.taken(traceparent))
        return identity

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Falcon middleware, for what Falcon answers itself."""
        req.context.request_id, req.context.caller = self.identify(req.env)
        resp.set_header("X-Request-Id", req.context.request_id)


def _new_request_ids() -> Callable[[], str]:
    """Unique ids: a random prefix of this process and a counter. Not secret: knowing one gives access to nothing."""
    return map(f"req_{secrets.token_hex(8)}{{:08x}}".format, count()).__next__


def _is_sane(given: str) -> bool:
    return _SANE_REQUEST_ID.fullmatch(given) is not None and redact(given) == given
