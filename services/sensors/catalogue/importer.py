"""Import of catalogues: takes each event that was read, many in one append, and accounts for every one offered.

Importing again what was imported adds nothing twice, so an import that was stopped is simply run again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, insert, update

from services.sensors.catalogue import seismic_event, tables
from services.sensors.catalogue.events import CatalogueEvent, CatalogueEventAdded, CatalogueEventRevised
from services.sensors.catalogue.projection import project
from services.sensors.catalogue.reading.found import FoundEvent, ReadCatalogue, RejectedEvent
from services.sensors.catalogue.seismic_event import NeverHappened, SeismicEvent, TakeEvent
from services.sensors.registry.events import types
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.sql.database import Database

_AT_ONCE = 200
ADDED, REVISED, WITHDRAWN, REPEATED, REJECTED = OUTCOMES = ("added", "revised", "withdrawn", "repeated", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCatalogue:
    """What became of one file. `outcomes`: how many events, by OUTCOMES."""

    outcomes: Mapping[str, int]
    rejected: tuple[RejectedEvent, ...]


class CatalogueImporter:
    def __init__(self, database: Database, store: SqlEventStore, clock: Clock) -> None:
        self._database, self._clock = database, clock
        # No relay: an import runs beside the service, whose own relay finds the new rows within a second.
        self._events: Repository[SeismicEvent | None, CatalogueEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=seismic_event.evolve,
            project=project,
            after_commit=lambda: None,
            clock=clock,
        )

    def store(
        self, read: ReadCatalogue, organisation_id: str, origin: Origin, network_id: str | None = None
    ) -> ImportedCatalogue:
        """`network_id`: the network that the events belong to; None: as they are, which is none for new ones."""
        outcomes, rejected = Counter({REJECTED: len(read.rejected)}), list(read.rejected)
        commands = [_command(event, organisation_id, network_id) for event in read.events]
        for batch in _batches(commands):
            outcomes += self._take(batch, origin, rejected)
        self._note(outcomes)
        return ImportedCatalogue(outcomes={name: outcomes[name] for name in OUTCOMES}, rejected=tuple(rejected))

    def _take(self, batch: Mapping[str, TakeEvent], origin: Origin, rejected: list[RejectedEvent]) -> "Counter[str]":
        now, never = self._clock.now(), set[str]()

        def decide(command: TakeEvent, state: SeismicEvent | None) -> tuple[CatalogueEvent, ...]:
            try:
                return tuple(seismic_event.decide(state, command, now))
            except NeverHappened:
                never.add(command.event_id)
                return ()

        done = self._events.execute_each({id_: partial(decide, command) for id_, command in batch.items()}, origin)
        outcomes: Counter[str] = Counter()
        for (id_, command), executed in zip(batch.items(), done, strict=True):
            if id_ in never and executed.state is None:
                rejected.append(RejectedEvent(place=command.public_id, reason=str(NeverHappened())))
                outcomes[REJECTED] += 1
            else:
                outcomes[_outcome([row.type for row in executed.rows])] += 1
        return outcomes

    def _note(self, outcomes: Mapping[str, int]) -> None:
        """For metrics; an import that was stopped is not in it."""
        table = tables.catalogue_account
        with self._database.transaction() as tx:
            for name, events in outcomes.items():
                grown = update(table).where(table.c.outcome == name).values(events=table.c.events + events)
                if not tx.execute(grown).rowcount:
                    tx.execute(insert(table).values(outcome=name, events=events))


def _command(event: FoundEvent, organisation_id: str, network_id: str | None) -> TakeEvent:
    return TakeEvent(
        organisation_id=organisation_id,
        source=event.source,
        public_id=event.public_id,
        network_id=network_id,
        solution=event.solution,
        said_at=event.said_at,
    )


def _batches(commands: Iterable[TakeEvent]) -> Iterator[dict[str, TakeEvent]]:
    """In their order, no event twice in one batch."""
    batch: dict[str, TakeEvent] = {}
    for command in commands:
        if command.event_id in batch or len(batch) == _AT_ONCE:
            yield batch
            batch = {}
        batch[command.event_id] = command
    if batch:
        yield batch


def _outcome(rows: list[str]) -> str:
    if not rows:
        return REPEATED
    return {CatalogueEventAdded.__name__: ADDED, CatalogueEventRevised.__name__: REVISED}.get(rows[0], WITHDRAWN)
