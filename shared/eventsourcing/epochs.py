"""Epochs of a log: the name that each of its rows is published under. An accepted restore begins another.

The chain goes on through it: the first row of a later epoch is the LogRestored that began it, so that readers of
the chain see what was given up, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

LOG_RESTORED = "LogRestored"


class LogDiverged(Exception):
    """Nothing is appended: followers hold a signed head that this log does not continue."""

    def __init__(self) -> None:
        super().__init__(
            "the log of keys was put back to before what its followers have seen, so it takes no command; "
            "put the newer database back, or run `grillo restore accept --reason …` beside it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRestored:
    """An operator has accepted that this log was put back: what was seen beyond `common_position` is given up.

    `from_epoch`: which log followers had seen last; `other_epochs`: and before, of what is gone. `position`, `hash`:
    this log's end before this event. It lies further on than `common_position` where the log had grown since it was
    put back. `signer`, `signature`: of keys: a writer of the database could else excuse what is missing
    (see replication/divergence/signed_restoration.py).
    """

    from_epoch: str
    common_position: int
    position: int
    hash: str
    to_epoch: str
    reason: str
    restored_at: datetime
    other_epochs: tuple[str, ...] = ()
    signer: str = ""
    signature: str = ""


class Epoch(NamedTuple):
    name: str
    from_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """`later`: those after the first, in order. `restorations`: the events that began them, where they are sound."""

    first: str
    later: tuple[Epoch, ...] = ()
    restorations: tuple[LogRestored, ...] = ()

    @property
    def present(self) -> str:
        return self.later[-1].name if self.later else self.first

    def at(self, position: int) -> str:
        """The epoch of the row at a position, or of the one that will be there."""
        name = self.first
        for epoch in self.later:
            if epoch.from_position > position:
                break
            name = epoch.name
        return name

    def up_to(self, present: str) -> "Epochs":
        """As they were while `present` was the newest."""
        if present == self.first:
            return Epochs(first=self.first)
        kept = self.later[: 1 + [epoch.name for epoch in self.later].index(present)]
        names = {epoch.name for epoch in kept}
        began = tuple(restored for restored in self.restorations if restored.to_epoch in names)
        return Epochs(first=self.first, later=kept, restorations=began)

    def giving_up(self, epoch: str, position: int) -> Iterable[LogRestored]:
        """The restores that gave that place up, unless the log has it: beyond what stayed, in an epoch from before."""
        for restored in self.restorations:
            before = {self.first, *(epoch.name for epoch in self.later if epoch.from_position <= restored.position)}
            if position > restored.common_position and epoch in before | {restored.from_epoch, *restored.other_epochs}:
                yield restored


def restoration(event_type: str | None, data: str | None, place: tuple[int, str, str]) -> LogRestored | None:
    """The event that began an epoch; None where there is no such event, or it is not of that place.

    `place`: position and hash before the epoch's first row, and its name.
    """
    if event_type != LOG_RESTORED or data is None:
        return None
    try:
        restored = msgspec.json.decode(data, type=LogRestored)
    except msgspec.DecodeError:
        return None
    return restored if (restored.position, restored.hash, restored.to_epoch) == place else None
