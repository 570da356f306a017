"""Compact dictionary of grants: a million in half the memory, since what many keys have in common is stored once.

Hints are left out: they are for people. Digests of replaced secrets are kept beside, for the few keys that have any.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Grant, Snapshot
from shared.values.frozen_struct import FrozenStruct


class _CompactGrant(FrozenStruct, frozen=True, gc=False):
    """A grant without its digest, under which it is found. `terms`: a Grant without ids, shared by all equal ones."""

    key_id: str
    terms: Grant


class CompactGrants:
    """Grants by digest and by id, in plain dictionaries: a look-up is one hash and no lock.

    Written by one thread at a time, read by all; each entry is immutable and replaced whole.
    """

    def __init__(self) -> None:
        self._by_digest: dict[int, Grant | _CompactGrant] = {}
        self._by_id: dict[str, int] = {}
        self._replaced: dict[int, str] = {}  # digest of a replaced secret → its key's id
        self._replaced_of: dict[str, tuple[int, ...]] = {}
        self._shared: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Grant]:
        for number in self._by_id.values():
            yield self._with_replaced(_whole(self._by_digest[number], f"{number:064x}"))

    def by_digest(self, digest: str) -> Grant | None:
        """The grant of the key with this secret now, or before its last rotation; without `replaced`."""
        held = self._by_digest.get(_number(digest))
        if isinstance(held, _CompactGrant):  # `_whole`, without its call: every request comes here
            return replace(held.terms, key_id=held.key_id, digest=digest)
        return held

    def by_replaced(self, digest: str) -> Grant | None:
        """The grant of the key that had this secret, as one of the newest that were replaced for good."""
        key_id = self._replaced.get(_number(digest))
        return None if key_id is None else self.by_id(key_id)

    def by_id(self, key_id: str) -> Grant | None:
        for _ in range(2):  # if it was replaced in between, the second look finds it
            number = self._by_id.get(key_id)
            held = None if number is None else self._by_digest.get(number)
            if held is not None:
                return self._with_replaced(_whole(held, f"{number:064x}"))
        return None

    def put(self, grant: Grant) -> None:
        """Adds a grant, or replaces the key's former one."""
        grant = self._without_replaced(grant)
        number, former = _number(grant.digest), self._by_id.get(grant.key_id)
        obsolete = () if former is None else self._digests(former)
        self._by_digest[number] = held = self._compacted(grant)
        if grant.previous_digest is not None:
            self._by_digest[_number(grant.previous_digest)] = held
        self._by_id[grant.key_id] = number
        for each in obsolete:
            if each not in self._digests(number):
                del self._by_digest[each]

    def _digests(self, number: int) -> tuple[int, ...]:
        held = self._by_digest[number]
        if isinstance(held, _CompactGrant) or held.previous_digest is None:
            return (number,)
        return (number, _number(held.previous_digest))

    def _without_replaced(self, grant: Grant) -> Grant:
        """The same, once its replaced secrets are kept beside: before they leave the others, so that no reader errs."""
        numbers, former = tuple(map(_number, grant.replaced)), self._replaced_of.get(grant.key_id, ())
        if numbers == former:
            return replace(grant, replaced=()) if numbers else grant
        self._replaced.update(dict.fromkeys(numbers, grant.key_id))
        self._replaced_of[grant.key_id] = numbers
        for number in set(former).difference(numbers):
            self._replaced.pop(number, None)
        return replace(grant, replaced=())

    def _with_replaced(self, grant: Grant) -> Grant:
        numbers = self._replaced_of.get(grant.key_id)
        return grant if not numbers else replace(grant, replaced=tuple(f"{number:064x}" for number in numbers))

    def _compacted(self, grant: Grant) -> Grant | _CompactGrant:
        """Whole if its terms are likely unique (expiry, addresses, two digests): a compact one has one digest only."""
        if grant.expires_at is None and grant.previous_digest is None and not grant.allowed_addresses:
            terms = replace(grant, key_id="", digest="", hint="")
            return _CompactGrant(grant.key_id, self._shared.setdefault(terms, terms))
        return replace(
            grant,
            hint="",
            organisation_id=self._shared.setdefault(grant.organisation_id, grant.organisation_id),
            permissions=self._shared.setdefault(grant.permissions, grant.permissions),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSnapshot:
    """A snapshot with compact grants. `frame`: everything else; its own `grants` are not used."""

    frame: Snapshot
    grants: CompactGrants

    @property
    def place(self) -> Head | None:
        return self.frame.place


def pack(snapshot: Snapshot) -> CompactSnapshot:
    """The snapshot with its grants made compact."""
    grants = CompactGrants()
    for grant in snapshot.grants:
        grants.put(grant)
    return CompactSnapshot(frame=snapshot, grants=grants)


def _whole(held: Grant | _CompactGrant, digest: str) -> Grant:
    return replace(held.terms, key_id=held.key_id, digest=digest) if isinstance(held, _CompactGrant) else held


def _number(digest: str) -> int:
    """The digest as a number, in half the memory. An invalid one, which only a fault can bring, becomes negative."""
    try:
        return int(digest, 16)
    except ValueError:
        return -int.from_bytes(hashlib.sha256(digest.encode()).digest())
