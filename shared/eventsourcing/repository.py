"""Repository: the one way to run a command. Load, fold, decide, append with the read model, commit, wake the relay.

Optimistic concurrency: if another writer came first, the command is decided again on the new state.
"""

import copy
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Generic, Self

from shared.eventsourcing.decision import Decision, Event, Executed, State
from shared.eventsourcing.event_store import Appender, EventStore, StoredEvent, Tx, VersionConflict
from shared.eventsourcing.event_types import Encoded, EventTypes
from shared.eventsourcing.group_commit import GroupCommit
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import Clock
from shared.values.timestamps import rfc3339

_ATTEMPTS_MAX = 10


class TooMuchContention(Exception):
    """Other writers came first at each of the attempts; the same command may succeed later."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        super().__init__(f"{stream} changed under {_ATTEMPTS_MAX} attempts in a row")


# Updates the read model with one event, in the transaction of the append.
Project = Callable[[Tx, StoredEvent, Event], None]


def nothing(tx: object) -> None:
    pass


def no_check(before: object, after: object, tx: object) -> None:
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
        is_urgent: Callable[[Event], bool] = lambda _event: False,
    ) -> None:
        """`is_urgent`: whether an event may use the room on the disk that is kept for ending keys."""
        self._store, self._types, self._is_urgent = store, types, is_urgent
        self._initial, self._evolve = initial, evolve
        self._project, self._after_commit = project, after_commit
        self._clock = clock
        self._log = GroupCommit(store)

    def projecting(self, project: Project[Tx, Event]) -> Self:
        """The same with another projection, which writes the same rows by what its caller knows of the events."""
        other = copy.copy(self)
        other._project = project
        return other

    def load(self, stream: str) -> tuple[State, int]:
        """The folded state and its version; (initial, 0) for a stream that was never written."""
        with self._store.reading(once=True) as tx:
            return self._load(tx, stream)

    def execute(
        self,
        stream: str,
        decide: Callable[[State], Sequence[Event]],
        origin: Origin,
        *,
        is_new: bool = False,
        fence: Callable[[Tx], None] = nothing,
        also: Callable[[Tx], None] = nothing,
        check: Callable[[State, State, Tx], None] = no_check,
    ) -> Executed[State]:
        """Runs one command. `decide` may refuse by raising; it is called again when another writer came first.

        `is_new`: the stream's name was just generated, so there is nothing to load.

        `fence` raises when the caller no longer may. It is called once the log is locked, at each attempt, before
        anything of this command is written, and sees all that was committed and what this transaction did before.
        A command without events is not fenced: it changes nothing. One that `decide` refuses is refused by the fence
        first, so that a caller who no longer may is told of that alone.

        `also` writes other rows in the same transaction, also when there are no events. `check` is called with the
        state before and after, once all is written and while nobody else can append; if it raises, everything is
        rolled back. Raises TooMuchContention.
        """
        (executed,) = self._execute({stream: decide}, origin, fence, also, check, are_new=is_new)
        return executed

    def execute_all(
        self,
        streams: Sequence[str],
        decide: Callable[[State], Sequence[Event]],
        origin: Origin,
        *,
        fence: Callable[[Tx], None] = nothing,
        also: Callable[[Tx], None] = nothing,
        check: Callable[[State, State, Tx], None] = no_check,
    ) -> tuple[Executed[State], ...]:
        """Runs one command on many streams, in their order: all of it in one append, or nothing."""
        return self._execute(dict.fromkeys(streams, decide), origin, fence, also, check, are_new=False)

    def execute_each(
        self,
        commands: Mapping[str, Callable[[State], Sequence[Event]]],
        origin: Origin,
        *,
        are_new: bool = False,
        fence: Callable[[Tx], None] = nothing,
        also: Callable[[Tx], None] = nothing,
        check: Callable[[State, State, Tx], None] = no_check,
    ) -> tuple[Executed[State], ...]:
        """Runs a command of its own on each of many streams, in their order: all of it in one append, or nothing."""
        return self._execute(commands, origin, fence, also, check, are_new=are_new)

    def execute_locked(
        self,
        choose: Callable[[Tx], Sequence[str]],
        decide: Callable[[State], Sequence[Event]],
        origin: Origin,
        *,
        fence: Callable[[Tx], None] = nothing,
        also: Callable[[Tx], None] = nothing,
        check: Callable[[State, State, Tx], None] = no_check,
    ) -> tuple[Executed[State], ...]:
        """As `execute_all`, but chosen, loaded and decided while the log is locked: nobody can come first.

        For what must see all that was committed before it, or must not be kept waiting by who changes the same streams
        all the time. Others wait meanwhile. `choose` reads, and may be called twice. `also` runs without events, too.
        """
        executed: tuple[Executed[State], ...] = ()

        def write(tx: Tx, log: Appender) -> tuple[StoredEvent, ...]:
            nonlocal executed
            loaded = log.load(choose(tx))
            try:
                decisions = [self._decide(stream, *self._fold(rows), decide) for stream, rows in loaded.items()]
            except Exception:
                fence(tx)
                raise
            if any(decision.events for decision in decisions):
                fence(tx)
            also(tx)
            metadata, recorded_at = origin.text(), rfc3339(self._clock.now())
            written: list[tuple[StoredEvent, ...]] = []
            for decision in decisions:
                written.append(self._append(tx, log, decision, self._encode(decision.events), metadata, recorded_at))
                check(decision.before, decision.after, tx)
            executed = tuple(decision.executed(rows) for decision, rows in zip(decisions, written, strict=True))
            return tuple(row for rows in written for row in rows)

        if self._log.commit((), write):
            self._after_commit()
        return executed

    def _execute(
        self,
        commands: Mapping[str, Callable[[State], Sequence[Event]]],
        origin: Origin,
        fence: Callable[[Tx], None],
        also: Callable[[Tx], None],
        check: Callable[[State, State, Tx], None],
        *,
        are_new: bool,
    ) -> tuple[Executed[State], ...]:
        for attempt in range(_ATTEMPTS_MAX):
            is_known_empty = are_new and attempt == 0  # after a conflict it is known not to be
            loaded = [(stream, self._initial, 0) for stream in commands] if is_known_empty else self._load_all(commands)
            try:
                decisions = [self._decide(*each, commands[each[0]]) for each in loaded]
            except Exception:
                with self._store.reading(once=True) as tx:
                    fence(tx)
                raise
            if not any(decision.events for decision in decisions):
                if also is not nothing:
                    self._store.check_room()
                    with self._store.transaction() as tx:
                        also(tx)
                return tuple(decision.executed(()) for decision in decisions)
            if not all(self._is_urgent(event) for decision in decisions for event in decision.events):
                self._store.check_room()
            try:
                rows = iter(self._commit(decisions, origin, fence, also, check))
            except VersionConflict:
                continue
            self._after_commit()
            return tuple(decision.executed(tuple(islice(rows, len(decision.events)))) for decision in decisions)
        raise TooMuchContention(", ".join(commands))

    def _load_all(self, streams: Collection[str]) -> list[tuple[str, State, int]]:
        with self._store.reading(once=len(streams) == 1) as tx:
            return [(stream, *self._load(tx, stream)) for stream in streams]

    def _decide(
        self, stream: str, state: State, version: int, decide: Callable[[State], Sequence[Event]]
    ) -> Decision[State, Event]:
        events = decide(state)
        after = functools.reduce(self._evolve, events, state)
        return Decision(stream=stream, before=state, version=version, events=events, after=after)

    def _commit(
        self,
        decisions: Sequence[Decision[State, Event]],
        origin: Origin,
        fence: Callable[[Tx], None],
        also: Callable[[Tx], None],
        check: Callable[[State, State, Tx], None],
    ) -> tuple[StoredEvent, ...]:
        encoded = {decision.stream: self._encode(decision.events) for decision in decisions}
        metadata, recorded_at = origin.text(), rfc3339(self._clock.now())

        def write(tx: Tx, log: Appender) -> tuple[StoredEvent, ...]:
            fence(tx)
            also(tx)
            written: list[StoredEvent] = []
            for decision in decisions:
                written += self._append(tx, log, decision, encoded[decision.stream], metadata, recorded_at)
                check(decision.before, decision.after, tx)
            return tuple(written)

        return self._log.commit(encoded, write)

    def _append(
        self,
        tx: Tx,
        log: Appender,
        decision: Decision[State, Event],
        encoded: Sequence[Encoded],
        metadata: str,
        recorded_at: str,
    ) -> tuple[StoredEvent, ...]:
        rows = log.append(decision.stream, decision.version, encoded, metadata, recorded_at)
        for row, event in zip(rows, decision.events, strict=True):
            self._project(tx, row, event)
        return rows

    def _encode(self, events: Sequence[Event]) -> list[Encoded]:
        return [self._types.encode(event) for event in events]

    def _load(self, tx: Tx, stream: str) -> tuple[State, int]:
        return self._fold(self._store.stream(tx, stream))

    def _fold(self, rows: Sequence[StoredEvent]) -> tuple[State, int]:
        return functools.reduce(self._evolve, map(self._decode, rows), self._initial), len(rows)

    def _decode(self, row: StoredEvent) -> Event:
        # The types of a stream's events are those that its `decide` returned.
        return self._types.decode(row.type, row.schema_version, row.data)  # type: ignore[return-value]
