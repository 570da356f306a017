"""`GET /internal/head`: where this service's log ends, signed. For the witness that keeps it."""

from collections.abc import Callable

import falcon
import msgspec

from shared.replication.proof.signed_heads import SignedHead


class LogHead:
    """204 where the service has no signing key."""

    def __init__(self, signed: Callable[[], SignedHead | None]) -> None:
        self._signed = signed

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        head = self._signed()
        if head is None:
            resp.status = falcon.HTTP_204
            return
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(head)
