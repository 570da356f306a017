"""Proof of pushes: holds messages from the bus until a signature covers them, and gives out only what is covered.

A signature proves the message that carries it, the one whose running digest that names as before it, and so on back to
the first that is missing. Order, repetition and forgeries make no difference; what is missing is left to the next pull.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.contracts.envelope import CloudEvent, from_json
from shared.replication.proof import unproved
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.proof.signed_pushes import BEFORE, BEGINNING, PURPOSE, SIGNATURE, canonical, running_digest
from shared.runtime.clock import Clock

# Ten pages of a relay's usual size. A flood of forgeries only pushes out what the next pull brings.
HELD_MAX, HELD_BYTES_MAX = 2000, 2 * 1024 * 1024
HELD_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    told: bytes  # what is signed, and nothing else is read: two messages may differ in what JSON cannot say
    before: bytes
    digest: bytes  # the page's running digest with this message
    signature: str | None
    heard_at: float


class PushProof:
    """Safe to call from several threads. Without a verifier everything is believed."""

    def __init__(self, verifier: Verifier | None, clock: Clock) -> None:
        self._verifier, self._clock = verifier, clock
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, _Message] = OrderedDict()  # by running digest, in the order they came
        self._held_bytes = 0
        self._awaited: OrderedDict[bytes, float] = OrderedDict()  # digests that are proved, whose message is not here

    def take(self, body: Any) -> tuple[CloudEvent, ...]:
        """The events, in their page's order, that are proved now that this message has come; often none.

        Raises msgspec.ValidationError for a message that is proved, or needs no proof, and is no envelope.
        """
        if self._verifier is None:
            return (from_json(body),)
        message = _read(body, self._clock.elapsed_seconds())
        if message is None or not self._may_be_proved(self._verifier, message):
            unproved.count("push")
            return ()
        with self._lock:
            self._drop_old()
            proved = self._proved(message)
        return tuple(msgspec.json.decode(each.told, type=CloudEvent) for each in proved)

    def take_all(self, bodies: Iterable[Any]) -> tuple[list[CloudEvent], msgspec.ValidationError | None]:
        """As `take` for each of them: (all events, the last error, of a message that is no envelope)."""
        events: list[CloudEvent] = []
        wrong: msgspec.ValidationError | None = None
        for body in bodies:
            try:
                events += self.take(body)
            except msgspec.ValidationError as error:
                wrong = error
        return events, wrong

    def proved_head(self, head: SignedHead | None) -> SignedHead | None:
        """The head, if its own signature holds: it is kept for audits, which go by that."""
        if head is None or self._verifier is None or head.is_signed(self._verifier):
            return head
        unproved.count("head")
        return None

    def expire(self) -> None:
        """Drops and counts what was held for HELD_SECONDS_MAX in vain."""
        with self._lock:
            self._drop_old()

    def _may_be_proved(self, verifier: Verifier, message: _Message) -> bool:
        if message.signature is None:
            return len(message.told) <= HELD_BYTES_MAX
        return verifier.verifies(PURPOSE, message.digest, message.signature)

    def _proved(self, message: _Message) -> list[_Message]:
        if message.signature is None and self._awaited.pop(message.digest, None) is None:
            self._hold(message)
            return []
        found = [message]
        while (earlier := self._held.pop(found[-1].before, None)) is not None:
            self._held_bytes -= len(earlier.told)
            found.append(earlier)
        if found[-1].before != BEGINNING:
            self._awaited[found[-1].before] = message.heard_at
        return found[::-1]

    def _hold(self, message: _Message) -> None:
        if message.digest in self._held:
            return
        self._held[message.digest] = message
        self._held_bytes += len(message.told)
        while len(self._held) > HELD_MAX or self._held_bytes > HELD_BYTES_MAX:
            self._drop_oldest()

    def _drop_old(self) -> None:
        until = self._clock.elapsed_seconds() - HELD_SECONDS_MAX
        while self._held and next(iter(self._held.values())).heard_at <= until:
            self._drop_oldest()
        while self._awaited and (len(self._awaited) > HELD_MAX or next(iter(self._awaited.values())) <= until):
            self._awaited.popitem(last=False)

    def _drop_oldest(self) -> None:
        _, dropped = self._held.popitem(last=False)
        self._held_bytes -= len(dropped.told)
        unproved.count("push_unfinished")


def _read(body: Any, now: float) -> _Message | None:
    """None: it carries no proof, or nothing of which there could be any."""
    if not isinstance(body, dict):
        return None
    before, signature = body.get(BEFORE), body.get(SIGNATURE)
    if not isinstance(before, str) or not isinstance(signature, str | None):
        return None
    try:
        digest_before = bytes.fromhex(before)
        told = canonical(body)
    except Exception:
        # Anybody may have written it: values that JSON does not have, halves of characters, a depth without end.
        return None
    if len(digest_before) != len(BEGINNING):
        return None
    digest = running_digest(digest_before, told)
    return _Message(told=told, before=digest_before, digest=digest, signature=signature, heard_at=now)
