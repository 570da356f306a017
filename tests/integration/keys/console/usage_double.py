"""Usage as the list of keys asks it, answered here."""

from collections.abc import Collection
from datetime import datetime

from services.keys.console.pages.key_usage import Day, KeyDay, KeyDays, Request, UsageAway


class Usage:
    """`asked`: how often. `is_there`: whether it answers."""

    def __init__(self) -> None:
        self.is_there, self.asked = True, 0
        self.days: dict[str, KeyDay] = {}
        self.new_sources: dict[str, datetime] = {}

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        self.asked += 1
        if not self.is_there:
            raise UsageAway
        return KeyDays(by_key=self.days, new_sources=self.new_sources)

    def day(self, organisation_id: str, key_id: str, now: datetime) -> Day:
        raise UsageAway

    def requests(self, organisation_id: str, key_id: str, limit: int) -> tuple[Request, ...]:
        raise UsageAway
