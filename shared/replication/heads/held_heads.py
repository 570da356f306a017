"""Held heads: what a follower says to hold of a log, and what the log's service remembers that it said.

A follower's database that was put back does not hold any more what it had said. That is told without a clock: the
follower reads its database again after it was told what is remembered, so that no pull that was merely late, and no
other process of the follower, is taken for one.
"""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from shared.replication.proof.signed_heads import SignedHead


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHead:
    """The newest head, signed by the log's service, that a follower holds. `follower`: its name, or the gate's id.

    `head`: None: it holds none. `lost`: up to when it had said that it holds heads (`Remembered.signed_at`), which are
    not in its database any more.
    """

    follower: str
    head: SignedHead | None
    lost: str | None = None


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The newest head of which a follower ever said that it holds it, and when that was signed."""

    epoch: str
    position: int
    signed_at: str

    def is_within(self, head: SignedHead) -> bool:
        """Whether who holds that head has not lost this one. By position first: clocks of several hosts differ."""
        return head.epoch == self.epoch and (head.position, head.signed_at) >= (self.position, self.signed_at)


class HeldHeads(Protocol):
    """Remembers what followers hold."""

    def hear(self, held: HeldHead, account: str | None) -> None:
        """`held`: what a follower says; its head is proved. `account`: who says so; None: it has none of its own."""
        ...

    def remembered(self, follower: str) -> Remembered | None: ...
