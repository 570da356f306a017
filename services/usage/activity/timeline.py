"""What happened with a key, newest first: its life, which keys tells, and its requests, which are here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, select

from services.usage import tables
from services.usage.known_keys.keys_client import KeysClient
from shared.sql.database import Database
from shared.sql.keyset import By, cut, keyset
from shared.values.timestamps import from_microseconds, from_rfc3339, to_microseconds

_EXPORT_PAGE = 1000
_LIFECYCLE, _REQUEST = 0, 1


class Place(NamedTuple):
    """Where an entry stands in its timeline; later is greater. `number`: the revision, or the request's own."""

    at: int
    kind: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request. `duration_ms`: from the gate's first look to the answer. `problem`: why it was refused.

    `requests`: how many it stands for: 1, unless it is refused ones that were counted together.
    """

    at: datetime
    method: str
    route: str
    status: int
    problem: str | None
    address: str
    user_agent: str
    duration_ms: float
    request_id: str
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of the timeline: a request, or an event of the key's life as keys' history tells it."""

    at: datetime
    place: Place
    request: Request | None = None
    lifecycle: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilter:
    """Which entries; all conditions together. `statuses`: from, to, both included. `start` included, `end` not."""

    statuses: tuple[int, int] | None = None
    route: str | None = None
    address: str | None = None
    request_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    @property
    def are_requests(self) -> bool:
        """Nothing of a key's life has a status, a route or an address."""
        return not (self.statuses is None and self.route is None and self.address is None)


EVERYTHING = ActivityFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    entries: tuple[TimelineEntry, ...]
    next_place: Place | None


class ActivityTimeline:
    def __init__(self, database: Database, keys_client: KeysClient) -> None:
        self._database, self._keys_client = database, keys_client

    def page(
        self,
        organisation_id: str,
        key_id: str,
        limit: int,
        wanted: ActivityFilter = EVERYTHING,
        after: Place | None = None,
    ) -> TimelinePage:
        """Newest first. `after`: where the page before ended. Raises NotFound and Unavailable, as keys does."""
        lived = self._lived(organisation_id, key_id, wanted)
        return self._page(key_id, limit, wanted, lived, after)

    def everything(
        self, organisation_id: str, key_id: str, wanted: ActivityFilter = EVERYTHING
    ) -> Iterator[TimelineEntry]:
        """All of it, page by page: no more than one is in memory, and no transaction stays open between two."""
        lived = self._lived(organisation_id, key_id, wanted)  # now, and not when the first entry is asked for

        def entries() -> Iterator[TimelineEntry]:
            after: Place | None = None
            while True:
                page = self._page(key_id, _EXPORT_PAGE, wanted, lived, after)
                yield from page.entries
                after = page.next_place
                if after is None:
                    return

        return entries()

    def _page(
        self, key_id: str, limit: int, wanted: ActivityFilter, lived: Iterable[TimelineEntry], after: Place | None
    ) -> TimelinePage:
        entries = [entry for entry in lived if after is None or entry.place < after]
        entries += self._requests(key_id, limit, wanted, after)
        entries.sort(key=lambda entry: entry.place, reverse=True)
        shown, last = cut(entries, limit)
        return TimelinePage(entries=tuple(shown), next_place=None if last is None else last.place)

    def _lived(self, organisation_id: str, key_id: str, wanted: ActivityFilter) -> list[TimelineEntry]:
        if wanted.are_requests:
            return []
        entries = map(_lifecycle_entry, self._keys_client.history(organisation_id, key_id))
        return [entry for entry in entries if _is_wanted(entry, wanted)]

    def _requests(self, key_id: str, limit: int, wanted: ActivityFilter, after: Place | None) -> list[TimelineEntry]:
        table = tables.request
        query = select(table).where(table.c.key_id == key_id, *_conditions(wanted))
        newest_first = (By(table.c.at, descending=True), By(table.c.id, descending=True))
        # Of one moment requests stand before what happened to the key: behind that, none of them is left.
        place = after and (after.at, after.number if after.kind == _REQUEST else 0)
        with self._database.reading() as tx:
            rows = tx.execute(keyset(query, newest_first, place, limit)).all()
        return [_request_entry(row) for row in rows]


def _conditions(wanted: ActivityFilter) -> list[ColumnElement[bool]]:
    table = tables.request
    conditions: list[ColumnElement[bool]] = []
    if wanted.statuses is not None:
        first, last = wanted.statuses
        conditions.append(and_(table.c.status >= first, table.c.status <= last))
    for column, value in (
        (table.c.route, wanted.route),
        (table.c.address, wanted.address),
        (table.c.request_id, wanted.request_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.start is not None:
        conditions.append(table.c.at >= to_microseconds(wanted.start))
    if wanted.end is not None:
        conditions.append(table.c.at < to_microseconds(wanted.end))
    return conditions


def _is_wanted(entry: TimelineEntry, wanted: ActivityFilter) -> bool:
    return (
        (wanted.start is None or entry.at >= wanted.start)
        and (wanted.end is None or entry.at < wanted.end)
        and (wanted.request_id is None or (entry.lifecycle or {}).get("request_id") == wanted.request_id)
    )


def _lifecycle_entry(happening: Mapping[str, Any]) -> TimelineEntry:
    at = from_rfc3339(happening["at"])
    return TimelineEntry(
        at=at, place=Place(to_microseconds(at), _LIFECYCLE, happening["revision"]), lifecycle=happening
    )


def _request_entry(row: Any) -> TimelineEntry:
    request = Request(
        at=from_microseconds(row.at),
        method=row.method,
        route=row.route,
        status=row.status,
        problem=row.problem,
        address=row.address,
        user_agent=row.user_agent,
        duration_ms=row.duration_us / 1000,
        request_id=row.request_id,
        requests=row.requests,
    )
    return TimelineEntry(at=request.at, place=Place(row.at, _REQUEST, row.id), request=request)
