"""The one way to change anything: load, fold, decide, append with the read model, commit, ring the relay."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from shared.clock import Clock
from shared.event_store import EventStore, StoredEvent, Tx, VersionConflict
from shared.events import EventTypes
from shared.times import rfc3339

State = TypeVar("State")
Event = TypeVar("Event")
_ATTEMPTS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked, in which request, because of what: kept as each event's metadata. Holds no secret."""

    actor: str
    request_id: str | None = None
    causation: str | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed(Generic[State]):
    """What a command came to. `rows` is empty when there was nothing to do."""

    state: State
    version: int
    rows: tuple[StoredEvent, ...]


class TooMuchContention(Exception):
    def __init__(self, stream: str) -> None:
        self.stream = stream
        super().__init__(f"{stream} changed under {_ATTEMPTS_MAX} attempts in a row")


# Keeps a read model in step, in the transaction of the append.
Project = Callable[[Tx, StoredEvent, Event], None]


def _nothing_more(tx: object) -> None:
    pass


def _no_check(before: object, after: object, tx: object) -> None:
    pass


class Repository(Generic[State, Event, Tx]):
    def __init__(
        self,
        store: EventStore[Tx],
        types: EventTypes,
        *,
        initial: State,
        evolve: Callable[[State, Event], State],
        project: Project[Tx, Event],
        after_commit: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store, self._types = store, types
        self._initial, self._evolve = initial, evolve
        self._project, self._after_commit = project, after_commit
        self._clock = clock

    def load(self, stream: str) -> tuple[State, int]:
        """The folded state and its version; (initial, 0) for a stream that was never written."""
        with self._store.reading() as tx:
            rows = self._store.stream(tx, stream)
        state = self._initial
        for row in rows:
            state = self._evolve(state, self._decode(row))
        return state, len(rows)

    def execute(
        self,
        stream: str,
        decide: Callable[[State], Sequence[Event]],
        origin: Origin,
        *,
        also: Callable[[Tx], None] = _nothing_more,
        check: Callable[[State, State, Tx], None] = _no_check,
    ) -> Executed[State]:
        """Runs one command. `decide` may refuse by raising; it is asked again when another writer came first.

        `also` writes what must stand or fall with the events. `check` is given the state before and after, once all
        is written and while nobody else can append: what it raises takes everything back. Raises TooMuchContention.
        """
        for _ in range(_ATTEMPTS_MAX):
            state, version = self.load(stream)
            events = decide(state)
            if not events:
                return Executed(state=state, version=version, rows=())
            after = functools.reduce(self._evolve, events, state)
            try:
                rows = self._commit(stream, version, events, origin, also, functools.partial(check, state, after))
            except VersionConflict:
                continue
            self._after_commit()
            return Executed(state=after, version=rows[-1].version, rows=rows)
        raise TooMuchContention(stream)

    def _commit(
        self,
        stream: str,
        version: int,
        events: Sequence[Event],
        origin: Origin,
        also: Callable[[Tx], None],
        check: Callable[[Tx], None],
    ) -> tuple[StoredEvent, ...]:
        encoded = [self._types.encode(event) for event in events]
        with self._store.transaction() as tx:
            also(tx)
            rows = self._store.append(tx, stream, version, encoded, origin.text(), rfc3339(self._clock.now()))
            for row, event in zip(rows, events, strict=True):
                self._project(tx, row, event)
            check(tx)
        return rows

    def _decode(self, row: StoredEvent) -> Event:
        # The stream's own vocabulary: what its decide wrote is what is read back.
        return self._types.decode(row.type, row.schema_version, row.data)  # type: ignore[return-value]
