"""Aggregation of refused requests: the first ten a second from one caller as they are, the rest as one counted record.

The law, for every second, and for every key or, where no key was recognised, every address: at most ten records of one
request, and one more that stands for all others; together they stand for exactly what was refused.
"""

import threading
from collections import Counter

import msgspec

from shared.contracts.usage import RequestRecord
from shared.values import ip_addresses as addresses

SINGLY_MAX = 10
ADDRESSES_MAX = 10_000
SEVERAL = "*"
_TOLD = ("method", "route", "address", "user_agent", "problem")


class _Caller:
    """One key or address in one second."""

    __slots__ = ("alike", "first", "microseconds", "requests", "singly", "size", "statuses", "who")

    def __init__(self, who: str) -> None:
        self.who, self.singly, self.requests, self.microseconds, self.size = who, 0, 0, 0, 0
        self.first: RequestRecord | None = None
        self.statuses: Counter[int] = Counter()
        self.alike: dict[str, str | None] = {}  # what all of them have in common so far

    def add(self, record: RequestRecord) -> None:
        told = {name: getattr(record, name) for name in _TOLD}
        if self.first is None:
            self.first, self.alike = record, told
        else:
            self.alike = {name: text for name, text in self.alike.items() if told[name] == text}
        self.requests += record.requests
        self.microseconds += record.duration_us
        self.size += record.size
        self.statuses[record.status] += 1

    def aggregate(self) -> RequestRecord | None:
        if self.first is None:
            return None
        several = {"method": SEVERAL, "route": SEVERAL, "user_agent": "", "problem": None}
        several["address"] = "" if self.first.key_id else self.who
        ((status, _),) = self.statuses.most_common(1)
        return msgspec.structs.replace(
            self.first,
            **several | self.alike,
            status=status,
            duration_us=self.microseconds // self.requests,
            size=self.size,
            requests=self.requests,
        )


class RefusalAggregation:
    """Shared by the threads of one process; `elapsed` is seconds of one clock.

    Remembers one second, of keys that there are and of `addresses_max` addresses; what comes in that second from still
    other addresses counts as from one, which has no name.
    """

    def __init__(self, addresses_max: int = ADDRESSES_MAX) -> None:
        self._addresses_max = addresses_max
        self._second, self._addresses = -1, 0
        self._callers: dict[str, _Caller] = {}
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        return len(self._callers)

    def take(self, record: RequestRecord, elapsed: float) -> list[RequestRecord]:
        """What is to be written down now: itself, unless it is only counted, and what an earlier second counted."""
        with self._one_at_a_time:
            due = self._turn_to(int(elapsed))
            caller = self._caller(record)
            if caller.singly < SINGLY_MAX:
                caller.singly += 1
                return [*due, record]
            caller.add(record)
            return due

    def take_due(self, elapsed: float) -> list[RequestRecord]:
        """What was counted in a second that is over."""
        with self._one_at_a_time:
            return self._turn_to(int(elapsed))

    def take_all(self) -> list[RequestRecord]:
        """Whatever is counted, the present second's too: for a process that ends."""
        with self._one_at_a_time:
            return self._forget()

    def _turn_to(self, second: int) -> list[RequestRecord]:
        if second <= self._second:
            return []
        self._second = second
        return self._forget()

    def _forget(self) -> list[RequestRecord]:
        callers, self._callers, self._addresses = self._callers, {}, 0
        return [record for caller in callers.values() if (record := caller.aggregate()) is not None]

    def _caller(self, record: RequestRecord) -> _Caller:
        who = record.key_id or addresses.source(record.address)
        caller = self._callers.get(who)
        if caller is not None:
            return caller
        if record.key_id is None:
            if self._addresses >= self._addresses_max:
                who = ""
            else:
                self._addresses += 1
        return self._callers.setdefault(who, _Caller(who))
