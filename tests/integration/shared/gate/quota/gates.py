"""Gates of one quota on a real Redis whose time can be moved on, and the ledger that holds them to the law."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from shared.contracts.usage import Spent as SpentToday
from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import Spent
from shared.gate.quota.redis_counters import Answer, Joined, RedisCounters, Statement
from shared.gate.quota.redis_quota import RedisQuota
from shared.gate.redis_script import CountersUnavailable
from tests.integration.shared.gate.movable_clock import MovableClock
from tests.servers import Redis

CALL_SECONDS_MAX = 10.0  # the machine may be busy; what happens when Redis is slow has tests of its own


@dataclass(frozen=True, slots=True)
class Admission:
    """It was decided after `before` and before `after`, in elapsed seconds, on that day."""

    before: float
    after: float
    day: int


class Ledger:
    """All that was admitted for one key, by whichever gate."""

    def __init__(self) -> None:
        self.admissions: list[Admission] = []

    def most_in_a_minute(self) -> int:
        """The most admissions that surely lie within one half-open minute."""
        most, oldest = 0, 0
        # By the end of its decision each is in the minute before it if its beginning was.
        ordered = sorted(self.admissions, key=lambda admission: admission.before)
        for number, last in enumerate(ordered):
            while ordered[oldest].before <= last.after - 60:
                oldest += 1
            most = max(most, number - oldest + 1)
        return most

    def in_minute_before(self, elapsed: float) -> int:
        return sum(elapsed - 60 < admission.before for admission in self.admissions)

    def on(self, day: int) -> int:
        return sum(admission.day == day for admission in self.admissions)


class CuttableCounts(RedisCounters):
    """While `is_cut`, this gate alone does not reach Redis, and is told so at once."""

    is_cut = False

    def join(self, known: Joined | None, *, starting: bool) -> Joined:
        self._fail_if_cut()
        return super().join(known, starting=starting)

    def settle(self, key_ids: Sequence[str], statements: Sequence[Statement]) -> list[Answer]:
        self._fail_if_cut()
        return super().settle(key_ids, statements)

    def _fail_if_cut(self) -> None:
        if self.is_cut:
            raise CountersUnavailable("cut")


class OneGate:
    """One web process's quota, driven by hand: no thread reports for it."""

    def __init__(
        self,
        server: Redis,
        clock: MovableClock,
        *,
        gates: Callable[[], int] = lambda: 1,
        spent: Callable[[], tuple[SpentToday, ...]] = lambda: (),
        seconds_max: float = CALL_SECONDS_MAX,
    ) -> None:
        self._clock = clock
        self.counts = CuttableCounts(server.url, seconds_max=seconds_max)
        self.quota = RedisQuota(self.counts, clock, time=lambda: clock.now().timestamp(), gates=gates, spent=spent)

    def spend(self, key_id: str, limits: Limits, ledger: Ledger) -> Spent:
        now, before = self._clock.now(), self._clock.elapsed_seconds()
        spent = self.quota.spend(key_id, limits, before, now.timestamp())
        if spent.admitted:
            day = now.astimezone(UTC).toordinal()
            ledger.admissions.append(Admission(before, self._clock.elapsed_seconds(), day))
        return spent


def settled(server: Redis, clock: MovableClock) -> None:
    """An empty Redis that gates have joined before: the next ones need not wait for any."""
    with server.client() as client:
        client.flushall()
    first = OneGate(server, clock)
    first.quota.report()
    clock.advance(2.1)
    first.quota.report()
    assert not first.quota.is_on_shares
    first.quota.stop()
