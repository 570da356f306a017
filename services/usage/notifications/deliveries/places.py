"""Places: who may be sending how many deliveries at once, of all that one process sends. Pure.

Organisations take turns: first those that hold fewest places, of these the one whose turn was longest ago. Each may
hold a quarter as many places as are free, so that the more of them send the fewer each holds: dynamic thresholds, by
A. K. Choudhury and E. L. Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", IEEE/ACM
Transactions on Networking 6(2), 1998. Channels whose receiver was slow the last time, as dead ones are, have places
apart: they never hold those of quick ones.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cachetools import LRUCache

QUICK_MAX, SLOW_MAX = 150, 50
AT_ONCE_OF_CHANNEL = 2
SLOW_SECONDS = 2.0
_OF_THE_FREE = 1 / 4
_SCARCE = 1 / 10
_REMEMBERED_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The oldest due deliveries of a channel, at most AT_ONCE_OF_CHANNEL of them: their ids, the oldest first."""

    channel_id: str
    organisation_id: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One delivery being sent. `is_slow`: it is one of the places of slow receivers."""

    channel_id: str
    organisation_id: str
    is_slow: bool


class Places:
    """Not for threads: its caller takes a lock."""

    def __init__(self) -> None:
        self._of_channel = Counter[str]()
        self._quick, self._slow = _Shared(QUICK_MAX), _Shared(SLOW_MAX)
        self._known_slow: LRUCache[str, bool] = LRUCache(_REMEMBERED_MAX)

    def choose(self, waiting: Iterable[Waiting]) -> tuple[str, ...]:
        """The ids that may be sent now, beside what is being sent. Takes no place yet."""
        quick, slow = _Turns(), _Turns()
        for one in waiting:
            sending = self._of_channel[one.channel_id]
            turns = slow if one.channel_id in self._known_slow else quick
            turns.add(one, sending, AT_ONCE_OF_CHANNEL - sending)
        return (*self._quick.choose(quick), *self._slow.choose(slow))

    def take(self, channel_id: str, organisation_id: str) -> Place:
        is_slow = channel_id in self._known_slow
        self._of_channel[channel_id] += 1
        (self._slow if is_slow else self._quick).take(organisation_id)
        return Place(channel_id=channel_id, organisation_id=organisation_id, is_slow=is_slow)

    def give_back(self, place: Place, took_seconds: float) -> None:
        held = self._shared(place).held
        for counts, name in ((self._of_channel, place.channel_id), (held, place.organisation_id)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]
        if took_seconds >= SLOW_SECONDS:
            self._known_slow[place.channel_id] = True
        else:
            self._known_slow.pop(place.channel_id, None)

    def are_scarce(self, place: Place) -> bool:
        """Whether the next such place should go by turns, and not to the channel that gave this one back."""
        return self._shared(place).are_scarce()

    def _shared(self, place: Place) -> "_Shared":
        return self._slow if place.is_slow else self._quick


@dataclass(slots=True)
class _Turns:
    """Organisation → what its channels may send, each with how many its channel sends before it."""

    of: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def add(self, one: Waiting, sending: int, count: int) -> None:
        ranked = enumerate(one.ids[: max(0, count)], start=sending)
        self.of.setdefault(one.organisation_id, []).extend(ranked)

    def queues(self) -> dict[str, deque[str]]:
        """Each channel's first goes before any channel's second."""
        return {
            name: deque(delivery_id for _, delivery_id in sorted(some, key=lambda one: one[0]))
            for name, some in self.of.items()
            if some
        }


class _Shared:
    """`held`: organisation → how many of these places it has."""

    def __init__(self, count: int) -> None:
        self._count, self.held = count, Counter[str]()
        self._turn, self._last_turn = 0, LRUCache[str, int](_REMEMBERED_MAX)

    def are_scarce(self) -> bool:
        return self._count - self.held.total() <= self._count * _SCARCE

    def take(self, name: str) -> None:
        self.held[name] += 1
        self._turn += 1
        self._last_turn[name] = self._turn

    def choose(self, turns: _Turns) -> list[str]:
        queues, held = turns.queues(), self.held.copy()
        free = self._count - held.total()
        chosen: list[str] = []
        while queues:
            for name in sorted(queues, key=lambda name: (held[name], self._last_turn.get(name, 0))):
                if held[name] >= free * _OF_THE_FREE:
                    del queues[name]
                    continue
                chosen.append(queues[name].popleft())
                held[name] += 1
                free -= 1
                if not queues[name]:
                    del queues[name]
        return chosen
