"""In-memory replica of all grants in one web process.

A key whose event cannot be applied is refused, never served by its state before that event.
"""

from collections.abc import Mapping

from shared.contracts.keys import KeysEvent, OrganisationRegistered, TierChanged
from shared.eventsourcing.event_store import Head
from shared.gate.grants.compact_grants import CompactGrants, CompactSnapshot, pack
from shared.gate.grants.grant import Grant, Limits, Snapshot, evolve, limits_by


class Grants:
    """All grants and tiers. Written by one thread at a time (its subscription's), read by all."""

    def __init__(self) -> None:
        self.place: Head | None = None
        self.policy: Mapping[str, Limits] = {}
        self.unappliable: set[str] = set()
        self._tiers: dict[str, str] = {}
        self._limits: dict[str, Limits] = {}  # of organisations, whose tier is known here, before a key's own
        self._grants = CompactGrants()

    def __len__(self) -> int:
        return len(self._grants)

    def by_digest(self, digest: str) -> Grant | None:
        return self._grants.by_digest(digest)

    def by_replaced(self, digest: str) -> Grant | None:
        return self._grants.by_replaced(digest)

    def by_id(self, key_id: str) -> Grant | None:
        return self._grants.by_id(key_id)

    def tier(self, organisation_id: str) -> str | None:
        return self._tiers.get(organisation_id)

    def is_unappliable(self, grant: Grant) -> bool:
        return not self.unappliable.isdisjoint((grant.key_id, grant.organisation_id))

    def limits(self, grant: Grant) -> Limits | None:
        """The key's own limits under its organisation's tier; None when the tier is not known here."""
        tier = self._limits.get(grant.organisation_id)
        if tier is None or (grant.minute_limit is None and grant.day_limit is None):  # most have none of their own
            return tier
        return tier.lowered(grant.minute_limit, grant.day_limit)

    def limits_of(self, organisation_id: str) -> Limits | None:
        """Of each of its keys, before the key's own; None when the tier is not known here."""
        return self._limits.get(organisation_id)

    def load(self, snapshot: Snapshot | CompactSnapshot) -> None:
        """Replaces everything. Readers see the old state until the new one is complete."""
        compact = pack(snapshot) if isinstance(snapshot, Snapshot) else snapshot
        frame = compact.frame
        # Marked as untrusted before it is shown: a reader in between must not trust what the snapshot does not.
        self.unappliable = self.unappliable | set(frame.unappliable)
        contracts = frame.contracts
        found = {org: limits_by(tier, contracts.get(org), frame.policy) for org, tier in frame.tiers.items()}
        limits = {organisation_id: one for organisation_id, one in found.items() if one is not None}
        self._grants, self._tiers, self._limits, self.policy = compact.grants, dict(frame.tiers), limits, frame.policy
        self.unappliable = set(frame.unappliable)
        self.place = frame.place

    def apply(self, event: KeysEvent) -> None:
        """Applies one event of keys. Raises EventOutOfPlace."""
        if isinstance(event, OrganisationRegistered | TierChanged):
            self._tiers[event.organisation_id] = event.tier
            contract = event.contract if isinstance(event, TierChanged) else None
            limits = limits_by(event.tier, contract, self.policy)
            if limits is None:
                self._limits.pop(event.organisation_id, None)
            else:
                self._limits[event.organisation_id] = limits
        else:
            self._grants.put(evolve(self._grants.by_id(event.key_id), event))

    def state(self) -> tuple[frozenset[Grant], frozenset[tuple[str, str]]]:
        """(all grants, all tiers), comparable: for tests that compare two replicas."""
        return frozenset(self._grants), frozenset(self._tiers.items())
