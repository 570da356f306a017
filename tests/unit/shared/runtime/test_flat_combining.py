"""Who calls at the same time is served together, once, in the order of calling; and nobody is forgotten."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.runtime.flat_combining import Abandoned, Combiner

WAIT_SECONDS = 20


class Served:
    """Notes what it is given; the first time it holds on until told, so that others have to wait."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> None:
        self.groups.append(list(items))
        if len(self.groups) == 1:
            self.began.set()
            assert self.may_end.wait(WAIT_SECONDS)
        if 13 in items:
            raise ZeroDivisionError


class Crowd:
    """One who is being served, and those who call meanwhile, one after the other."""

    def __init__(self, served: Served, combiner: Combiner[int], pool: ThreadPoolExecutor) -> None:
        self.served, self.combiner, self._pool = served, combiner, pool
        self.first = pool.submit(combiner, 0)
        assert served.began.wait(WAIT_SECONDS)

    def call(self, *items: int) -> list[Future[None]]:
        calls = []
        for item in items:
            waiting = len(self.combiner._waiting)
            calls.append(self._pool.submit(self.combiner, item))
            while len(self.combiner._waiting) == waiting:
                pass
        return calls


@pytest.fixture
def served() -> Served:
    return Served()


def test_a_call_alone_is_served_at_once(served: Served) -> None:
    served.may_end.set()
    combiner = Combiner(served, most=10)
    combiner(1)
    combiner(2)
    assert served.groups == [[1], [2]]


def test_who_calls_while_another_is_served_is_served_with_all_the_others_who_did(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        crowd = Crowd(served, Combiner(served, most=10), pool)
        calls = crowd.call(1, 2, 3, 4)
        assert not any(call.done() for call in calls)
        served.may_end.set()
        for call in (crowd.first, *calls):
            call.result(WAIT_SECONDS)
    assert served.groups == [[0], [1, 2, 3, 4]]


def test_no_more_are_served_at_once_than_was_said_and_still_all(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        crowd = Crowd(served, Combiner(served, most=2), pool)
        calls = crowd.call(1, 2, 3, 4, 5)
        served.may_end.set()
        for call in calls:
            call.result(WAIT_SECONDS)
    assert served.groups == [[0], [1, 2], [3, 4], [5]]


def test_what_goes_wrong_is_told_to_those_it_went_wrong_for(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        crowd = Crowd(served, Combiner(served, most=2), pool)
        *failed, well = crowd.call(12, 13, 14)
        served.may_end.set()
        crowd.first.result(WAIT_SECONDS)
        for call in failed:
            with pytest.raises(ZeroDivisionError):
                call.result(WAIT_SECONDS)
        well.result(WAIT_SECONDS)


def test_who_was_to_be_served_by_one_that_was_stopped_is_told_and_the_next_goes_on() -> None:
    """As a server that stops kills the greenlets of its connections."""
    groups: list[list[int]] = []
    began, may_end = threading.Event(), threading.Event()

    def serve(items: Sequence[int]) -> None:
        groups.append(list(items))
        if items[0] == 0:
            began.set()
            assert may_end.wait(WAIT_SECONDS)
        if items[0] == 1:
            raise SystemExit

    combiner = Combiner(serve, most=2)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(combiner, 0)]
        assert began.wait(WAIT_SECONDS)
        for item in (1, 2, 3):
            waiting = len(combiner._waiting)
            calls.append(pool.submit(combiner, item))
            while len(combiner._waiting) == waiting:
                pass
        may_end.set()
        outcomes = [call.exception(WAIT_SECONDS) for call in calls]
    # Whoever of the three woke first led the two, and was stopped; who was served by it is told that he does not know.
    (stopped,) = (number for number, outcome in enumerate(outcomes) if isinstance(outcome, SystemExit))
    assert all(isinstance(outcomes[served], Abandoned) for served in {1, 2} - {stopped})
    combiner(4)  # serves also what whoever was stopped had come for himself
    assert groups == [[0], [1, 2], *([[3, 4]] if stopped == 3 else [[3], [4]])]


def test_under_many_callers_each_is_served_exactly_once() -> None:
    served: list[int] = []
    at_once = threading.Lock()

    def serve(items: Sequence[int]) -> None:
        assert at_once.acquire(blocking=False), "two serve at the same time"
        served.extend(items)
        at_once.release()

    combiner = Combiner(serve, most=7)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(combiner, range(2_000)))
    assert sorted(served) == list(range(2_000))
