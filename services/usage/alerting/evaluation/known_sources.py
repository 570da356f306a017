"""Known sources: the addresses (IPv6: by /64) and user agents that each key was used from before.

The first source of a key is not new: it is where the key belongs. A key with SOURCES_OF_KEY_MAX sources roams, and
nothing is new about another one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cachetools import LRUCache
from sqlalchemy import Connection, delete, select

from services.usage.alerting import tables
from services.usage.alerting.evaluation.conditions import ADDRESS, USER_AGENT
from services.usage.alerting.evaluation.observation import Observation, ObservedRequest
from shared.sql.database import upsert
from shared.sql.in_values import in_values
from shared.values.ip_addresses import source

SOURCES_OF_KEY_MAX = 1000
_MEMORY_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source that the key was not used from before. `is_first`: it is the key's first of its kind."""

    key_id: str
    kind: str
    value: str
    seen: ObservedRequest
    is_first: bool


class KnownSources:
    def __init__(self) -> None:
        # Keyed by the address as it came, not by its /64.
        self._known: LRUCache[tuple[str, str, str], None] = LRUCache(_MEMORY_MAX)

    def new(self, tx: Connection, observations: Iterable[Observation]) -> tuple[NewSource, ...]:
        """The new sources in these observations, in order of time. Reads only what this process does not remember."""
        unknown: dict[tuple[str, str, str], ObservedRequest] = {}
        for observation in observations:
            for written, seen in _places(observation):
                if written in self._known:
                    continue
                key_id, kind, value = written
                place = (key_id, kind, source(value)) if kind == ADDRESS else written
                if place not in unknown or seen.at < unknown[place].at:
                    unknown[place] = seen
        stored: dict[tuple[str, str], set[str]] = {}
        table = tables.seen_source
        keys = {key_id for key_id, _, _ in unknown}
        for row in tx.execute(select(table).where(in_values(tx, table.c.key_id, keys))) if keys else ():
            stored.setdefault((row.key_id, row.kind), set()).add(row.source)
        found = []
        for (key_id, kind, value), seen in sorted(unknown.items(), key=lambda item: item[1].at):
            before = stored.setdefault((key_id, kind), set())
            if value not in before and len(before) < SOURCES_OF_KEY_MAX:
                found.append(NewSource(key_id=key_id, kind=kind, value=value, seen=seen, is_first=not before))
                before.add(value)
        return tuple(found)

    def learn(self, observations: Iterable[Observation]) -> None:
        """Remembers the sources as known. Call it once they are stored."""
        self._known.update((place, None) for observation in observations for place, _ in _places(observation))


def keep(tx: Connection, found: Iterable[NewSource]) -> None:
    """Stores new sources."""
    rows = [{"key_id": one.key_id, "kind": one.kind, "source": one.value} for one in found]
    if rows:
        tx.execute(upsert(tx, tables.seen_source).on_conflict_do_nothing(), rows)


def forget(tx: Connection, key_id: str) -> None:
    """Deletes the known sources of a key."""
    tx.execute(delete(tables.seen_source).where(tables.seen_source.c.key_id == key_id))


def _places(observation: Observation) -> Iterator[tuple[tuple[str, str, str], ObservedRequest]]:
    for seen in observation.sources:
        if seen.address:
            yield (observation.key_id, ADDRESS, seen.address), seen
        if seen.user_agent:
            yield (observation.key_id, USER_AGENT, seen.user_agent), seen
