"""Usage as one page asks it: once a question was not answered in time, the next ones do not wait."""

from collections.abc import Callable
from typing import TypeVar

from services.keys.console.pages.key_usage import KeyUsage, UsageAway

Part = TypeVar("Part")


class AskedUsage:
    def __init__(self, usage: KeyUsage | None) -> None:
        self._usage = usage

    def part(self, question: Callable[[KeyUsage], Part]) -> Part | None:
        """What it answers; None: it is missing."""
        if self._usage is None:
            return None
        try:
            return question(self._usage)
        except UsageAway:
            self._usage = None
            return None
