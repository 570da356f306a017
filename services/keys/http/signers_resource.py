"""`/.well-known/grillo-keys`: the public keys that receipts are checked with. Open to all: it needs no key."""

import falcon
import msgspec

from shared.replication.proof.published_signers import PublishedSigners

WELL_KNOWN = "/.well-known/grillo-keys"


class SignersResource:
    def __init__(self, signers: PublishedSigners) -> None:
        self._signers = signers

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = msgspec.json.encode(self._signers.document())
        resp.content_type = "application/jwk-set+json"
        resp.cache_control = ["public", "max-age=300"]
