"""Compact dictionary of grants: a million in half the memory, since what many keys have in common is stored once.

Hints are left out: they are for people.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Grant, Snapshot
from shared.values.frozen_struct import FrozenStruct


class _Packed(FrozenStruct, frozen=True, gc=False):
    """All but its digest, under which it is found. `terms`: a Grant without id and digest, one for all keys alike."""

    key_id: str
    terms: Grant


class CompactGrants:
    """By digest and by id, in plain dictionaries: a look-up is one hash and no lock.

    Written by one thread at a time, read by all; each entry is immutable and replaced whole.
    """

    def __init__(self) -> None:
        self._by_digest: dict[int, Grant | _Packed] = {}
        self._by_id: dict[str, int] = {}
        self._shared: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Grant]:
        for number in self._by_id.values():
            yield _whole(self._by_digest[number], f"{number:064x}")

    def by_digest(self, digest: str) -> Grant | None:
        """Of the key's own secret, or of the one before."""
        held = self._by_digest.get(_number(digest))
        return None if held is None else _whole(held, digest)

    def by_id(self, key_id: str) -> Grant | None:
        for _ in range(2):  # replaced in between, it is there the second time
            number = self._by_id.get(key_id)
            held = None if number is None else self._by_digest.get(number)
            if held is not None:
                return _whole(held, f"{number:064x}")
        return None

    def put(self, grant: Grant) -> None:
        """In place of what there is of that key."""
        number, former = _number(grant.digest), self._by_id.get(grant.key_id)
        obsolete = () if former is None else self._digests(former)
        self._by_digest[number] = held = self._packed(grant)
        if grant.previous_digest is not None:
            self._by_digest[_number(grant.previous_digest)] = held
        self._by_id[grant.key_id] = number
        for each in obsolete:
            if each not in self._digests(number):
                del self._by_digest[each]

    def _digests(self, number: int) -> tuple[int, ...]:
        held = self._by_digest[number]
        if isinstance(held, _Packed) or held.previous_digest is None:
            return (number,)
        return (number, _number(held.previous_digest))

    def _packed(self, grant: Grant) -> Grant | _Packed:
        """Whole, if hardly another key's are the same; by that, what is packed has one digest only."""
        if grant.expires_at is None and grant.previous_digest is None and not grant.allowed_addresses:
            terms = replace(grant, key_id="", digest="", hint="")
            return _Packed(grant.key_id, self._shared.setdefault(terms, terms))
        return replace(
            grant,
            hint="",
            organisation_id=self._shared.setdefault(grant.organisation_id, grant.organisation_id),
            permissions=self._shared.setdefault(grant.permissions, grant.permissions),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSnapshot:
    """`frame`: a snapshot whose own grants are not asked."""

    frame: Snapshot
    grants: CompactGrants

    @property
    def place(self) -> Head | None:
        return self.frame.place


def pack(snapshot: Snapshot) -> CompactSnapshot:
    grants = CompactGrants()
    for grant in snapshot.grants:
        grants.put(grant)
    return CompactSnapshot(frame=snapshot, grants=grants)


def _whole(held: Grant | _Packed, digest: str) -> Grant:
    return replace(held.terms, key_id=held.key_id, digest=digest) if isinstance(held, _Packed) else held


def _number(digest: str) -> int:
    """In half the memory. What is no digest, which only a fault can bring here, is one that no secret has."""
    try:
        return int(digest, 16)
    except ValueError:
        return -int.from_bytes(hashlib.sha256(digest.encode()).digest())
