"""The queue of evaluation is looked at when something was counted here, else once a second."""

from typing import Any

from services.usage.alerting.scheduler import LOOK_SECONDS, AlertingScheduler
from shared.runtime.clock import ManualClock


class EvaluatorDouble:
    """Counts its runs; the next one fails if it is told so."""

    runs = 0
    fails = False

    def run(self) -> int:
        self.runs += 1
        if self.fails:
            self.fails = False
            raise RuntimeError("the database is away")
        return 0


def test_it_looks_at_once_at_what_was_counted_and_at_what_others_queued_each_second(clock: ManualClock) -> None:
    evaluator, counted = EvaluatorDouble(), [0]
    unused: Any = None
    evaluates: Any = evaluator
    scheduler = AlertingScheduler(evaluates, unused, unused, unused, clock, lambda: counted[0])

    def runs(seconds: float, counts: int = 0) -> int:
        before = evaluator.runs
        clock.advance(seconds)
        counted[0] += counts
        scheduler.evaluate()
        return evaluator.runs - before

    few = LOOK_SECONDS / 4
    assert [runs(few), runs(few), runs(few, counts=1), runs(few, counts=2), runs(few)] == [1, 0, 1, 1, 0]
    assert [runs(few) for _ in range(8)] == [0, 0, 1, 0, 0, 0, 1, 0]
    evaluator.fails = True
    assert [runs(few, counts=1), runs(few), runs(few)] == [1, 1, 0]  # what failed is tried again at once
