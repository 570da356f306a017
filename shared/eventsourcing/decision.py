"""What a command decided on one stream, and what came of it. Used by repository.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.eventsourcing.event_store import StoredEvent

State = TypeVar("State")
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed(Generic[State]):
    """The result of a command on one stream. `rows`: the events appended; empty when there was nothing to do."""

    state: State
    version: int
    rows: tuple[StoredEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[State, Event]):
    """`events`: to be appended after `version`."""

    stream: str
    before: State
    version: int
    events: Sequence[Event]
    after: State

    def executed(self, rows: tuple[StoredEvent, ...]) -> Executed[State]:
        return Executed(state=self.after, version=self.version + len(rows), rows=rows)
