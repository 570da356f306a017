"""What the tests of the gate stand on: a few canonical keys, a log of keys in memory, and a bus that misbehaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import KeyCreated, KeyRevoked, KeysEvent, OrganisationEvent
from shared.contracts.usage import RequestRecord
from shared.eventsourcing.event_store import Head, genesis_hash
from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, Presented, digest_of, with_checksum
from shared.gate.grants.grant import Grant, Limits, Snapshot
from shared.gate.grants.grants import Grants
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import Clock, ManualClock
from shared.values.base62 import base62

NOW = datetime(2026, 11, 23, 8, 17, tzinfo=UTC)
POLICY = {"free": Limits(minute=60, day=10_000), "premium": Limits(minute=1_000, day=None)}
ORGANISATION = "org_railway"


def secret(number: int) -> str:
    """The canonical key of that number: well formed, and no random bit in it."""
    return with_checksum(PREFIX + base62(number, BODY_CHARACTERS))


SECRET = secret(1)


def grant(number: int = 1, **different: Any) -> Grant:
    fields: dict[str, Any] = {
        "key_id": f"key_{number}",
        "organisation_id": ORGANISATION,
        "digest": digest_of(secret(number)),
        "hint": "grl_0000…0000",
        "permissions": frozenset({"sensors:read"}),
    }
    return Grant(**fields | different)


def grants_of(*held: Grant, tier: str = "free", unappliable: tuple[str, ...] = ()) -> Grants:
    grants = Grants()
    grants.load(snapshot_of(*held, tier=tier, unappliable=unappliable))
    return grants


def snapshot_of(
    *held: Grant, tier: str = "free", place: Head | None = None, unappliable: tuple[str, ...] = ()
) -> Snapshot:
    return Snapshot(place=place, grants=held, tiers={ORGANISATION: tier}, policy=POLICY, unappliable=unappliable)


def blocks_of(snapshot: Snapshot) -> Iterator[bytes]:
    """As auth sends it: the frame, then a few grants at a time."""
    yield msgspec.json.encode(replace(snapshot, grants=()))
    for first in range(0, len(snapshot.grants), 3):
        yield b"\n".join(map(msgspec.json.encode, snapshot.grants[first : first + 3]))


def presented(
    authorization: str | None = f"Bearer {SECRET}", *query_keys: str, address: str = "192.0.2.7"
) -> Presented:
    return Presented(authorization=authorization, query_keys=query_keys, address=address)


def created(number: int, **different: Any) -> KeyCreated:
    fields: dict[str, Any] = {
        "key_id": f"key_{number}",
        "organisation_id": ORGANISATION,
        "digest": digest_of(secret(number)),
        "hint": "grl_0000…0000",
        "permissions": ("sensors:read",),
    }
    return KeyCreated(**fields | different)


def revoked(number: int) -> KeyRevoked:
    return KeyRevoked(key_id=f"key_{number}", organisation_id=ORGANISATION, revoked_at=NOW, reason="unspecified")


class MemoryLog:
    """A log of keys as followers see it. `acknowledged` is what gates told it; while `is_away` it answers nobody.

    `gates`: how many it says there are. `accounts`: gate → the account that spoke for it last. `held`: what the last
    pull named.
    """

    def __init__(self, clock: Clock, epoch: str = "epoch-1") -> None:
        self._clock, self.epoch = clock, epoch
        self.events: list[CloudEvent] = []
        self.acknowledged: list[Acknowledgement] = []
        self.accounts: dict[str, str | None] = {}
        self.is_away = False
        self.gates: int | None = None
        self.held: HeldHead | None = None

    def append(self, *events: KeysEvent) -> CloudEvent:
        for event in events:
            subject = event.organisation_id if isinstance(event, OrganisationEvent) else event.key_id
            last = self.append_raw(type(event).__name__, subject, msgspec.to_builtins(event))
        return last

    def append_raw(self, type_: str, subject: str, data: dict[str, Any]) -> CloudEvent:
        position = len(self.events) + 1
        event = CloudEvent(
            id=f"{self.epoch}-{position}",
            source="/grillo/keys",
            type=type_,
            time=self._clock.now(),
            subject=subject,
            epoch=self.epoch,
            position=position,
            hash=f"{self.epoch}/{position}",
            data=data,
        )
        self.events.append(event)
        return event

    @property
    def head(self) -> Head:
        return self.events[-1].place if self.events else self.genesis

    @property
    def genesis(self) -> Head:
        return Head(epoch=self.epoch, position=0, hash=genesis_hash(self.epoch))

    def pull(
        self,
        after: Head | None,
        acknowledgement: Acknowledgement | None = None,
        held: HeldHead | None = None,
        *,
        events_max: int = PAGE_EVENTS,
        account: str | None = None,
    ) -> FeedPage:
        if self.is_away:
            raise FeedUnavailable("away")
        self.held = held
        if acknowledgement is not None:
            self.acknowledged.append(acknowledgement)
            self.accounts[acknowledgement.gate] = account
        time = self._clock.now()
        if after is not None and after not in (self.genesis, *(event.place for event in self.events)):
            return FeedPage(events=(), head=self.head, time=time, diverged=True, gates=self.gates)
        position = after.position if after else 0
        return FeedPage(
            events=tuple(self.events[position : position + events_max]), head=self.head, time=time, gates=self.gates
        )


class MemoryBus:
    """Where a meter publishes. `batches` is all that arrived; while `is_away` nothing does."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.is_away = False

    def publish(self, batch: bytes) -> None:
        if self.is_away:
            raise BusUnavailable("away")
        self.batches.append(msgspec.json.decode(batch))

    def request_ids(self) -> list[str]:
        return [record[0] for batch in self.batches for record in batch["records"]]

    def identities(self) -> tuple[tuple[str, int], ...]:
        return tuple((batch["segment"], batch["start"]) for batch in self.batches)


def manual_clock(seconds_to_midnight: float | None = None) -> ManualClock:
    if seconds_to_midnight is None:
        return ManualClock(NOW)
    midnight = NOW.replace(hour=0, minute=0) + timedelta(days=1)
    return ManualClock(midnight - timedelta(seconds=seconds_to_midnight))


def record(request_id: str, **different: Any) -> RequestRecord:
    fields: dict[str, Any] = {
        "request_id": request_id,
        "at": NOW,
        "key_id": "key_1",
        "organisation_id": "org_railway",
        "method": "GET",
        "route": "/v1/sensors",
        "status": 200,
        "cost": 1,
        "duration_us": 250,
        "size": 4711,
        "address": "192.0.2.7",
        "user_agent": "curl/8",
    }
    return RequestRecord(**fields | different)
