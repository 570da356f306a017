"""Aggregation of refused requests: the first ten a second from one caller as they are, the rest as one counted record.

The law, for every second, and for every key or, where no key was recognised, every address: at most ten records of one
request, and one more that stands for all others, up to REQUESTS_MAX of them; together they stand for exactly what was
refused.
"""

import threading
from collections import Counter

import msgspec

from shared.contracts.usage import RequestRecord
from shared.values import ip_addresses

SINGLY_MAX = 10
# The most that one record stands for, which usage holds gates to. No process refuses so many in a second.
REQUESTS_MAX = 100_000
ADDRESSES_MAX = 10_000
SEVERAL = "*"
_DESCRIBING = ("method", "route", "address", "user_agent", "problem", "secret_hint")


class _Caller:
    """Refusals of one key or address in one second. `common`: the fields that all of them have the same."""

    __slots__ = ("common", "first", "microseconds", "name", "requests", "singly", "size", "statuses")

    def __init__(self, name: str) -> None:
        self.name, self.singly, self.requests, self.microseconds, self.size = name, 0, 0, 0, 0
        self.first: RequestRecord | None = None
        self.statuses: Counter[int] = Counter()
        self.common: dict[str, str | None] = {}

    def forget(self) -> None:
        """What was added; how many were recorded singly stays."""
        self.first, self.requests, self.microseconds, self.size = None, 0, 0, 0
        self.statuses.clear()

    def add(self, record: RequestRecord) -> None:
        described = {name: getattr(record, name) for name in _DESCRIBING}
        if self.first is None:
            self.first, self.common = record, described
        else:
            self.common = {name: text for name, text in self.common.items() if described[name] == text}
        self.requests += record.requests
        self.microseconds += record.duration_us
        self.size += record.size
        self.statuses[record.status] += 1

    def aggregate(self) -> RequestRecord | None:
        if self.first is None:
            return None
        several = {"method": SEVERAL, "route": SEVERAL, "user_agent": "", "problem": None, "secret_hint": None}
        several["address"] = "" if self.first.key_id else self.name
        ((status, _),) = self.statuses.most_common(1)
        return msgspec.structs.replace(
            self.first,
            **several | self.common,
            status=status,
            duration_us=self.microseconds // self.requests,
            size=self.size,
            requests=self.requests,
            in_query=False,  # of which secret, if they came with several? The first were recorded singly
        )


class RefusalAggregation:
    """Safe to share between the threads of one process. `elapsed`: seconds of one clock.

    Remembers one second, of known keys and of `addresses_max` addresses. In that second all further addresses are
    counted as one without a name.
    """

    def __init__(self, addresses_max: int = ADDRESSES_MAX) -> None:
        self._addresses_max = addresses_max
        self._second, self._addresses = -1, 0
        self._callers: dict[str, _Caller] = {}
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        return len(self._callers)

    def take(self, record: RequestRecord, elapsed: float) -> list[RequestRecord]:
        """Returns what to record now: the refusal itself unless it is only counted, and counts of an earlier second."""
        with self._one_at_a_time:
            due = self._turn_to(int(elapsed))
            caller = self._caller(record)
            if caller.singly < SINGLY_MAX:
                caller.singly += 1
                return [*due, record]
            if caller.requests + record.requests > REQUESTS_MAX and (full := caller.aggregate()) is not None:
                due = [*due, full]
                caller.forget()
            caller.add(record)
            return due

    def take_due(self, elapsed: float) -> list[RequestRecord]:
        """Takes the counts of a second that is over."""
        with self._one_at_a_time:
            return self._turn_to(int(elapsed))

    def take_all(self) -> list[RequestRecord]:
        """Takes all counts, also of the present second: for a process that ends."""
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
        name = record.key_id or ip_addresses.source(record.address)
        caller = self._callers.get(name)
        if caller is not None:
            return caller
        if record.key_id is None:
            if self._addresses >= self._addresses_max:
                name = ""
            else:
                self._addresses += 1
        return self._callers.setdefault(name, _Caller(name))
