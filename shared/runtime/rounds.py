"""Rounds: a thread that works every so often, and rests while there is nothing to do until somebody wakes it."""

import threading
from collections.abc import Callable


class Rounds:
    def __init__(self, name: str, work: Callable[[], float]) -> None:
        """`work`: never raises. It returns for how many seconds there is nothing to do, unless somebody wakes it."""
        self._work, self._every_seconds = work, 0.0
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, every_seconds: float) -> None:
        """Such a pause comes before each round, but after a rest that nobody has ended."""
        self._every_seconds = every_seconds
        self._thread.start()

    def wake(self) -> None:
        """To be called after there is something to do: if a round has not seen it, another comes soon."""
        if not self._woken.is_set():  # a third of what setting it again takes
            self._woken.set()

    def stop(self) -> None:
        """Returns when a round that has begun is over. Also of one that was never started."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_seconds = self._every_seconds
        while not self._stopping.wait(pause_seconds):
            self._woken.clear()
            rest_seconds, pause_seconds = self._work(), self._every_seconds
            # If it is stopping, that wake may have been the one cleared here.
            if rest_seconds > 0 and not self._stopping.is_set() and not self._woken.wait(rest_seconds):
                pause_seconds = 0
