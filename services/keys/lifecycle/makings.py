"""Makings: which key made or renewed which others, and so what a revoked key may have left in foreign hands. Pure."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One key made another, or gave it a new secret (`is_renewal`), once or several times.

    `first_position`, `position`: in the log, of the first and the latest of these events; `at`: time of the latest.
    """

    maker_id: str
    key_id: str
    is_renewal: bool
    first_position: int
    position: int
    at: str

    @property
    def identity(self) -> tuple[str, str, bool]:
        return self.maker_id, self.key_id, self.is_renewal


def folded(known: Making | None, making: Making) -> Making:
    """What is known of the same two keys, with one event more."""
    return making if known is None else replace(known, position=making.position, at=making.at)


def reached_from(roots: Collection[str], makings: Iterable[Making]) -> dict[str, bool]:
    """The keys that the roots made or renewed, and those in turn → whether they were made, and not only renewed.

    In the order in which they were reached. Of a key that was renewed only what it did afterwards counts; of one that
    was renewed several times, what it did after the first.
    """
    by_maker: dict[str, list[Making]] = defaultdict(list)
    for making in makings:
        by_maker[making.maker_id].append(making)
    since = dict.fromkeys(roots, 0)
    found: dict[str, bool] = {}
    waiting = [(0, root) for root in sorted(roots)]
    while waiting:
        at, maker_id = heapq.heappop(waiting)
        if at > since[maker_id]:
            continue  # it was reached earlier
        for making in by_maker[maker_id]:
            if making.position <= at:
                continue
            key_id, reached_at = making.key_id, max(making.first_position, at)
            found[key_id] = found.get(key_id, False) or not making.is_renewal
            if key_id not in since or reached_at < since[key_id]:
                since[key_id] = reached_at
                heapq.heappush(waiting, (reached_at, key_id))
    return {key_id: is_made for key_id, is_made in found.items() if key_id not in roots}
