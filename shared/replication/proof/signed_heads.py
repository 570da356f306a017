"""Signed heads: a log's service signs where it ends, and followers hold and keep what it signed."""

import threading
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.proof.receipt_proof import thumbprint
from shared.replication.proof.signatures import Signer, Verifier
from shared.runtime.clock import Clock
from shared.values.timestamps import rfc3339

SIGNED_EVERY_SECONDS = 60.0
_PURPOSE = b"grillo head 1"


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a log at a time. `signer`: a public key's thumbprint. `signature`: Ed25519 of the rest, base64.

    `offered`: how many samples the service of sensors had ever been offered, which no event tells; it never shrinks.
    """

    epoch: str
    position: int
    hash: str
    signed_at: str
    signer: str
    signature: str = ""
    offered: int | None = None

    @property
    def head(self) -> Head:
        return Head(epoch=self.epoch, position=self.position, hash=self.hash)

    def is_signed(self, verifier: Verifier) -> bool:
        return verifier.verifies(_PURPOSE, _unsigned(self), self.signature)


def signed_end(
    heads: "HeadSigner | None", store: SqlEventStore, offered: Callable[[Connection], int] | None = None
) -> SignedHead | None:
    """Where a log ends, signed; None where its service has no signing key. `offered`: counts samples."""
    if heads is None:
        return None
    with store.reading(once=offered is None) as tx:
        head, count = store.head(tx), None if offered is None else offered(tx)
    return heads.latest(head, count)


class HeadSigner:
    """Signs a head that moved, and one that did not again each minute."""

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer, self._clock = signer, clock
        self._one_at_a_time = threading.Lock()
        self._last: SignedHead | None = None
        self._again_at = float("-inf")

    def latest(self, head: Head, offered: int | None = None) -> SignedHead:
        """This head, signed; of a log that stands still the same signature for a minute.

        So a follower that has pulled after a change holds a head with it, by which a log is known that was put back to
        before.
        """
        with self._one_at_a_time:
            now = self._clock.elapsed_seconds()
            last = self._last
            if last is None or now >= self._again_at or (last.head, last.offered) != (head, offered):
                self._again_at = now + SIGNED_EVERY_SECONDS
                self._last = last = self._sign(head, offered)
            return last

    def _sign(self, head: Head, offered: int | None) -> SignedHead:
        unsigned = SignedHead(
            epoch=head.epoch,
            position=head.position,
            hash=head.hash,
            signed_at=rfc3339(self._clock.now()),
            signer=thumbprint(self._signer.public_key),
            offered=offered,
        )
        return msgspec.structs.replace(unsigned, signature=self._signer.sign(_PURPOSE, _unsigned(unsigned)))


def _unsigned(head: SignedHead) -> bytes:
    """In the form of RFC 8785. A head that counts nothing is signed as it was before there was a count."""
    members = msgspec.structs.asdict(head)
    del members["signature"]
    if head.offered is None:
        del members["offered"]
    return msgspec.json.encode(members, order="sorted")
