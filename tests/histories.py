"""A log of keys that grows, is restored and fails over at random, and remembers what each place in it ever meant.

A place (epoch, position, hash) names one history, so it also says what a follower that stands there must hold.
"""

import random
from collections.abc import Sequence

from services.keys import events
from services.keys.publication import publish
from shared.contracts.decoding import decode
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES
from shared.eventsourcing.epochs import LOG_RESTORED, LogRestored
from shared.eventsourcing.event_store import Head, MemoryEventStore, StoredEvent
from shared.eventsourcing.event_types import Encoded
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.grants import Grants
from shared.replication.divergence.signed_restoration import signed
from shared.replication.envelopes import Envelopes
from shared.replication.proof.signatures import Signer
from shared.runtime.clock import ManualClock
from shared.values.timestamps import rfc3339
from tests import examples
from tests.memory_feed import MemoryFeed

State = tuple[frozenset[object], frozenset[tuple[str, str]]]
PUBLICATION = Envelopes("keys", events.types, publish)


class History:
    """`feed` serves it; `published` are the events not yet taken to any bus."""

    def __init__(self, chance: random.Random, clock: ManualClock, signer: Signer | None = None) -> None:
        self._chance, self._signer = chance, signer
        self._epochs = 1
        self._meant: dict[Head, tuple[CloudEvent, ...]] = {}
        self._states: dict[Head | None, State] = {}
        self.feed = MemoryFeed(MemoryEventStore("epoch 1"), PUBLICATION, clock, signer=signer)
        self.published: list[CloudEvent] = []

    def head(self) -> Head:
        with self.feed.store.reading() as tx:
            return self.feed.store.head(tx)

    def meant_by(self, place: Head | None) -> State:
        """What the grants of a follower standing there add up to."""
        if place not in self._states:
            self._states[place] = self._folded(place)
        return self._states[place]

    def _folded(self, place: Head | None) -> State:
        grants = Grants()
        if place is not None and place.position:
            for event in self._meant[place]:
                public = decode(event, SHAPES)
                if event.type != LOG_RESTORED:
                    assert public is not None
                    grants.apply(public)
        return grants.state()

    def grow(self) -> None:
        """One event more: an organisation, a key, or the end of a key."""
        rows = self._rows()
        created = [row.stream for row in rows if row.type == "KeyCreated"]
        alive = sorted(set(created) - {row.stream for row in rows if row.type == "KeyRevoked"})
        organisations = [row.stream for row in rows if row.type == "OrganisationRegistered"]
        number = f"{len(rows):03}-{self._chance.getrandbits(32):08x}"
        if not organisations or self._chance.random() < 0.1:
            self._append(f"org_{number}", examples.organisation_registered(organisation_id=f"org_{number}"))
        elif alive and self._chance.random() < 0.4:
            self._append(stream := self._chance.choice(alive), examples.key_revoked(key_id=stream), version=1)
        else:
            organisation_id = self._chance.choice(organisations)
            key = examples.key_created(key_id=f"key_{number}", organisation_id=organisation_id, digest=number)
            self._append(f"key_{number}", key)

    def restore(self) -> None:
        """From a backup: fewer events, and another epoch."""
        self._epochs += 1
        self._begin_again(f"epoch {self._epochs}", self._chance.randint(0, len(self._rows())))

    def fail_over(self) -> None:
        """To a replica that lagged: the last events are gone, and nobody thought of the epoch."""
        rows = self._rows()
        self._begin_again(self.head().epoch, max(0, len(rows) - self._chance.randint(0, 4)))

    def put_back(self) -> None:
        """From a backup, as it is: fewer events, the epochs as they were then."""
        with self.feed.store.reading() as tx:
            first = self.feed.store.epochs(tx).first
        self._begin_again(first, self._chance.randint(0, len(self._rows())))
        self.feed.divergence = None  # so it was when the backup was made

    def accept(self, from_epoch: str, other_epochs: tuple[str, ...], common_position: int) -> None:
        """As `grillo restore accept` does."""
        assert self._signer is not None
        self._epochs += 1
        head = self.head()
        restored = LogRestored(
            from_epoch=from_epoch,
            common_position=common_position,
            position=head.position,
            hash=head.hash,
            to_epoch=f"epoch {self._epochs}",
            reason="a drill",
            restored_at=examples.NOON,
            other_epochs=other_epochs,
        )
        version = sum(row.type == LOG_RESTORED for row in self._rows())
        self._append("log", signed(restored, self._signer), version)
        self.feed.divergence = None

    def _begin_again(self, epoch: str, kept: int) -> None:
        rows = self._rows()[:kept]
        self.feed.store = MemoryEventStore(epoch)
        for row in rows:
            self._write(row.stream, row.version - 1, Encoded(type=row.type, schema_version=1, data=row.data))

    def _append(self, stream: str, event: object, version: int = 0) -> None:
        self._write(stream, version, events.types.encode(event))
        self.published.append(self._meant[self.head()][-1])

    def _write(self, stream: str, version: int, event: Encoded) -> None:
        store, before = self.feed.store, self.head()
        with store.transaction() as tx:
            rows = store.append(tx, stream, version, [event], examples.ORIGIN.text(), rfc3339(examples.NOON))
            epochs = store.epochs(tx)
        self._meant[self.head()] = (*self._meant.get(before, ()), *PUBLICATION.envelopes(rows, epochs, before.hash))

    def _rows(self) -> Sequence[StoredEvent]:
        with self.feed.store.reading() as tx:
            return self.feed.store.after(tx, 0, 10_000)


class FaultyQueue:
    """What a broker may do to one follower's messages: lose, repeat, reorder and keep them long."""

    def __init__(self, chance: random.Random, *, faults: bool = True) -> None:
        self._chance, self._faults = chance, faults
        self._messages: list[CloudEvent] = []

    def put(self, event: CloudEvent) -> None:
        copies = self._chance.choices([0, 1, 2], [25, 60, 15])[0] if self._faults else 1
        self._messages += [event] * copies

    def take(self) -> CloudEvent | None:
        if not self._messages:
            return None
        is_reordered = self._faults and self._chance.random() < 0.3
        return self._messages.pop(self._chance.randrange(len(self._messages)) if is_reordered else 0)


def held(snapshot: Snapshot) -> Grants:
    """As a gate holds it: without what gates have no use for."""
    grants = Grants()
    grants.load(snapshot)
    return grants
