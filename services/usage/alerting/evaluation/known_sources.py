"""Where each key was used from before: its addresses (IPv6: by /64) and user agents.

What a key is used from first of all is where it belongs. A key that comes from more places than are kept is one that
roams, and nothing is new about another.
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
    """`is_first`: the key was never used from any of that kind before."""

    key_id: str
    kind: str
    value: str
    seen: ObservedRequest
    is_first: bool


class KnownSources:
    def __init__(self) -> None:
        # As they were written: an IPv6 address, not its /64.
        self._known: LRUCache[tuple[str, str, str], None] = LRUCache(_MEMORY_MAX)

    def new(self, tx: Connection, observations: Iterable[Observation]) -> tuple[NewSource, ...]:
        """In the order they were seen. Asks the database about those only that this process does not know."""
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
        """Once they are stored: nothing of them is new to this process any more."""
        self._known.update((place, None) for observation in observations for place, _ in _places(observation))


def keep(tx: Connection, found: Iterable[NewSource]) -> None:
    rows = [{"key_id": one.key_id, "kind": one.kind, "source": one.value} for one in found]
    if rows:
        tx.execute(upsert(tx, tables.seen_source).on_conflict_do_nothing(), rows)


def forget(tx: Connection, key_id: str) -> None:
    tx.execute(delete(tables.seen_source).where(tables.seen_source.c.key_id == key_id))


def _places(observation: Observation) -> Iterator[tuple[tuple[str, str, str], ObservedRequest]]:
    for seen in observation.sources:
        if seen.address:
            yield (observation.key_id, ADDRESS, seen.address), seen
        if seen.user_agent:
            yield (observation.key_id, USER_AGENT, seen.user_agent), seen
