"""Rounds come every so often, rest as long as they say, and are woken and ended at once."""

import threading
from queue import Queue

from shared.runtime.rounds import Rounds

WAIT_SECONDS = 60
FOR_EVER = 1e6


def test_rounds_come_while_there_is_something_to_do() -> None:
    come = threading.Semaphore(0)

    def work() -> float:
        come.release()
        return 0

    rounds = Rounds("test", work)
    rounds.start(0.001)
    assert all(come.acquire(timeout=WAIT_SECONDS) for _ in range(3))
    rounds.stop()


def test_one_that_rests_is_woken_and_what_comes_while_it_works_keeps_it_from_resting() -> None:
    begun, ending = Queue[int](), threading.Semaphore(0)

    def work() -> float:
        begun.put(1)
        ending.acquire()
        return FOR_EVER

    rounds = Rounds("test", work)
    rounds.start(0.001)
    begun.get(timeout=WAIT_SECONDS)
    rounds.wake()
    ending.release()
    begun.get(timeout=WAIT_SECONDS)
    ending.release()
    rounds.wake()
    begun.get(timeout=WAIT_SECONDS)
    ending.release()
    rounds.stop()
    assert begun.empty()


def test_one_that_is_ended_while_it_works_does_not_rest_before_it_ends() -> None:
    """Also where the wake of its end was taken for one from before the round."""

    def work() -> float:
        rounds._stopping.set()
        return FOR_EVER

    rounds = Rounds("test", work)
    rounds.start(0.001)
    rounds._thread.join(WAIT_SECONDS)
    assert not rounds._thread.is_alive()


def test_one_that_was_never_started_can_be_ended() -> None:
    Rounds("test", lambda: FOR_EVER).stop()
