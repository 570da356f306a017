"""A seismic event of the catalogue as an aggregate: `decide` and `evolve`. Pure.

An event is one source's: two catalogues that tell of one earthquake make two events, each with its source.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.sensors.catalogue.events import (
    CatalogueEvent,
    CatalogueEventAdded,
    CatalogueEventRevised,
    CatalogueEventWithdrawn,
)
from services.sensors.catalogue.solution import Solution
from shared.values.base62 import base62

_ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class SeismicEvent:
    """`solution` None: withdrawn. `earlier`: all solutions that were ever its own. `said_at`: of the latest."""

    event_id: str
    organisation_id: str
    network_id: str | None
    solution: Solution | None
    said_at: datetime | None
    earlier: frozenset[Solution]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEvent:
    """What a catalogue says. `solution` None: that the event did not happen. `network_id` None: not said.

    `said_at`: when the source made this solution, if it tells.
    """

    organisation_id: str
    source: str
    public_id: str
    network_id: str | None
    solution: Solution | None
    said_at: datetime | None

    @property
    def event_id(self) -> str:
        return event_id(self.organisation_id, self.source, self.public_id)


class NeverHappened(Exception):
    """Its source withdraws an event that is not known here."""

    def __init__(self) -> None:
        super().__init__("its source says that it did not happen")


def event_id(organisation_id: str, source: str, public_id: str) -> str:
    """Deterministic id, so that a repeated import of an event finds it."""
    digest = hashlib.sha256(f"{organisation_id}/{source}/{public_id}".encode()).digest()
    return f"evt_{base62(int.from_bytes(digest[:16], 'big'), _ID_CHARACTERS)}"


def decide(state: SeismicEvent | None, command: TakeEvent, now: datetime) -> Sequence[CatalogueEvent]:
    """Adds, revises or withdraws, or finds nothing new. Raises NeverHappened.

    Nothing is new in what was said before, unless its source says it later than the latest; nor in what it said
    earlier. So files of any age may be imported in any order, again and again.
    """
    if state is None:
        if command.solution is None:
            raise NeverHappened
        return (_added(command, command.solution, now),)
    network_id = command.network_id or state.network_id
    if not _is_new(state, command):
        if network_id != state.network_id and state.solution is not None:
            return (_revised(state, network_id, state.solution, state.said_at, now),)
        return ()
    if command.solution is None:
        return (
            CatalogueEventWithdrawn(
                event_id=state.event_id,
                organisation_id=state.organisation_id,
                said_at=command.said_at,
                withdrawn_at=now,
            ),
        )
    return (_revised(state, network_id, command.solution, command.said_at or state.said_at, now),)


def evolve(state: SeismicEvent | None, event: CatalogueEvent) -> SeismicEvent | None:
    match event:
        case CatalogueEventAdded():
            return SeismicEvent(
                event_id=event.event_id,
                organisation_id=event.organisation_id,
                network_id=event.network_id,
                solution=event.solution,
                said_at=event.said_at,
                earlier=frozenset({event.solution}),
            )
        case CatalogueEventRevised():
            return None if state is None else _with_revision(state, event)
        case CatalogueEventWithdrawn():
            return None if state is None else replace(state, solution=None, said_at=event.said_at or state.said_at)
        case _:
            assert_never(event)


def _is_new(state: SeismicEvent, command: TakeEvent) -> bool:
    if command.solution == state.solution:
        return False
    if command.said_at is not None and state.said_at is not None and command.said_at != state.said_at:
        return command.said_at > state.said_at
    return command.solution not in state.earlier


def _with_revision(state: SeismicEvent, event: CatalogueEventRevised) -> SeismicEvent:
    return replace(
        state,
        network_id=event.network_id,
        solution=event.solution,
        said_at=event.said_at,
        earlier=state.earlier | {event.solution},
    )


def _added(command: TakeEvent, solution: Solution, now: datetime) -> CatalogueEventAdded:
    return CatalogueEventAdded(
        event_id=command.event_id,
        organisation_id=command.organisation_id,
        source=command.source,
        public_id=command.public_id,
        network_id=command.network_id,
        solution=solution,
        said_at=command.said_at,
        added_at=now,
    )


def _revised(
    state: SeismicEvent, network_id: str | None, solution: Solution, said_at: datetime | None, now: datetime
) -> CatalogueEventRevised:
    return CatalogueEventRevised(
        event_id=state.event_id,
        organisation_id=state.organisation_id,
        network_id=network_id,
        solution=solution,
        said_at=said_at,
        revised_at=now,
    )
