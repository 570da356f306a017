"""A usage service that answers the console's pages what a test told it to, or nothing."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.keys.console.pages.key_usage import (
    ALL,
    ActivityPage,
    Bucket,
    Channel,
    Entry,
    KeyDay,
    KeyDays,
    OrganisationUse,
    Place,
    Request,
    Spent,
    Step,
    UsageAway,
    Use,
    Wanted,
)
from tests.examples import NOON

SCRIPT = "<script>alert(1)</script>"


def request(number: int = 1, **facts: Any) -> Request:
    known: dict[str, Any] = {"method": "GET", "route": "/v1/sensors", "status": 200, "address": "192.0.2.7"}
    known |= {"at": NOON, "user_agent": "curl", "request_id": f"req_{number}", "requests": 1}
    return Request(**known | facts)


@dataclass
class Usage:
    """`narrowed`: by what its activity was. `days_asked`: how often days were. `is_there`: whether it answers.

    `before_answering`: what happens meanwhile.
    """

    requests: tuple[Request, ...] = ()
    next: Place | None = None
    spent_: Spent = field(default_factory=lambda: Spent(minute=12, day=3456, day_exhausted_at=None))
    is_there: bool = True
    narrowed: list[Any] = field(default_factory=list)
    days: dict[str, KeyDay] = field(default_factory=dict)
    new_sources: dict[str, datetime] = field(default_factory=dict)
    days_asked: int = 0
    by_network: tuple[tuple[str, int], ...] = ()
    before_answering: Callable[[], object] = lambda: None

    def use(self, organisation_id: str, key_id: str, step: Step, now: datetime) -> Use:
        self._answer()
        bucket = Bucket(start=step.start_of(now), requests=1234, refused=5, failed=1)
        counts: dict[str, Any] = {"routes": ((SCRIPT, 1234),), "statuses": (("429", 5),), "networks": self.by_network}
        return Use(step=step, requests=1234, refused=5, failed=1, buckets=(bucket,), **counts)

    def last_day(self, organisation_id: str, key_ids: Collection[str]) -> KeyDays:
        self.days_asked += 1
        self._answer()
        return KeyDays(by_key=self.days, new_sources=self.new_sources)

    def spent(self, organisation_id: str, key_id: str, day_limit: int | None) -> Spent:
        self._answer()
        return self.spent_

    def activity(
        self, organisation_id: str, key_id: str, limit: int, wanted: Wanted = ALL, after: Place | None = None
    ) -> ActivityPage:
        self._answer()
        self.narrowed.append((wanted, after))
        found = [
            one
            for one in self.requests
            if wanted.request_id in ("", one.request_id) and wanted.secret_hint in ("", one.secret_hint)
        ]
        return ActivityPage(entries=tuple(Entry(at=one.at, request=one) for one in found), next=self.next)

    def activity_file(self, organisation_id: str, key_id: str, wanted: Wanted = ALL) -> Iterator[str]:
        self._answer()
        self.narrowed.append((wanted, None))
        return iter(("at,kind\r\n", "one,request\r\n"))

    def of_organisation(self, organisation_id: str, step: Step, now: datetime) -> OrganisationUse:
        raise UsageAway

    def channels(self, organisation_id: str) -> tuple[Channel, ...]:
        self._answer()
        return (Channel(name="hooks.example", kind="webhook", hears_of_ends=True, is_disabled=False),)

    def _answer(self) -> None:
        self.before_answering()
        if not self.is_there:
            raise UsageAway
