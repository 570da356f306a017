"""Usage as one page asks it: once a question, or all so far, took too long, the next ones do not wait."""

from collections.abc import Callable
from typing import TypeVar

from services.keys.console.pages.key_usage import KeyUsage, UsageAway
from shared.runtime.clock import Clock

ALL_SECONDS_MAX = 1.0
Part = TypeVar("Part")


class AskedUsage:
    def __init__(self, usage: KeyUsage | None, clock: Clock) -> None:
        self._usage, self._elapsed_seconds = usage, clock.elapsed_seconds
        self._until = clock.elapsed_seconds() + ALL_SECONDS_MAX

    def part(self, question: Callable[[KeyUsage], Part]) -> Part | None:
        """What it answers; None: it is missing."""
        if self._usage is None or self._elapsed_seconds() >= self._until:
            return None
        try:
            return question(self._usage)
        except UsageAway:
            self._usage = None
            return None
