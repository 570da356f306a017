"""Timeline of a key, newest first: its lifecycle events, asked of keys over RPC, merged with its stored requests."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, select

from services.usage import tables
from services.usage.known_keys.keys_client import KeysClient
from shared.contracts.errors import InvalidArguments
from shared.sql.database import Database
from shared.sql.keyset import By, cut, keyset
from shared.sql.time_limits import TookTooLong
from shared.values.timestamps import from_microseconds, from_rfc3339, rfc3339, to_microseconds

WIDE = timedelta(days=31)
SECONDS_MAX = 5.0
_EXPORT_PAGE = 1000
_LIFECYCLE, _REQUEST = 0, 1
_REVISION_MAX = 2**31 - 1


class Place(NamedTuple):
    """Sort key of an entry; later is greater. `at`: microseconds; `number`: the revision, or the request's id."""

    at: int
    kind: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request. `duration_ms`: from its arrival at the gate to the answer. `problem`: why it was refused.

    `requests`: how many it stands for; more than 1: refused requests that were counted together. `secret_hint`: of the
    secret that it came with, if that was not the newest of its key, or is dead.
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
    secret_hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One entry: either `request`, or `lifecycle`, an event as `keys.history` answers it."""

    at: datetime
    place: Place
    request: Request | None = None
    lifecycle: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilter:
    """Conditions, all of which an entry must meet. `statuses`: first and last, inclusive. Times are in [start, end).

    `only_requests`: no lifecycle events.
    """

    statuses: tuple[int, int] | None = None
    route: str | None = None
    address: str | None = None
    request_id: str | None = None
    secret_hint: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    only_requests: bool = False

    @property
    def picks_requests(self) -> bool:
        """Whether not every request matches, and no lifecycle event: they have no status, route, address or secret."""
        return (self.statuses, self.route, self.address, self.secret_hint) != (None, None, None, None)

    def is_wide(self, now: datetime) -> bool:
        """Whether a page may have to look through more than it shows, over more than WIDE."""
        return self.picks_requests and (self.start is None or (self.end or now) - self.start > WIDE)


EVERYTHING = ActivityFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    entries: tuple[TimelineEntry, ...]
    next_place: Place | None


class ActivityTimeline:
    def __init__(self, database: Database, keys_client: KeysClient) -> None:
        self.database, self._keys_client = database, keys_client

    def page(
        self,
        organisation_id: str,
        key_id: str,
        limit: int,
        wanted: ActivityFilter = EVERYTHING,
        after: Place | None = None,
    ) -> TimelinePage:
        """A page, newest first. `after`: the place where the page before ended.

        Raises NotFound, Unavailable, and InvalidArguments if its requests are not found within SECONDS_MAX.
        """
        # One more than it shows, as of the requests: a key may have thousands of changes.
        lifecycle = self._lifecycle(organisation_id, key_id, wanted, after, limit + 1)
        return _page(self.database, key_id, limit, wanted, lifecycle, after)

    def life(
        self, organisation_id: str, key_id: str, wanted: ActivityFilter = EVERYTHING
    ) -> tuple[Mapping[str, Any], ...]:
        """All lifecycle events, as `keys.history` answers them. Raises as `page`."""
        return tuple(entry.lifecycle or {} for entry in self._lifecycle(organisation_id, key_id, wanted))

    def has_more_than(self, count: int, key_id: str, wanted: ActivityFilter = EVERYTHING) -> bool:
        """Whether so many requests match, and one more; or to count them took SECONDS_MAX."""
        table = tables.request
        query = select(table.c.id).where(table.c.key_id == key_id, *_conditions(wanted)).offset(count).limit(1)
        try:
            with self.database.reading(seconds_max=SECONDS_MAX) as tx:
                return tx.execute(query).first() is not None
        except TookTooLong:
            return True

    def everything(
        self, key_id: str, wanted: ActivityFilter, life: Iterable[Mapping[str, Any]]
    ) -> Iterator[TimelineEntry]:
        """All entries. Holds one page in memory, no transaction open between pages. `life`: its lifecycle events."""
        return everything_of(self.database, key_id, wanted, life)

    def _lifecycle(
        self,
        organisation_id: str,
        key_id: str,
        wanted: ActivityFilter,
        after: Place | None = None,
        newest: int | None = None,
    ) -> list[TimelineEntry]:
        if wanted.picks_requests or wanted.only_requests:
            return []
        where = _range(wanted, after) | ({} if newest is None else {"newest": newest})
        return list(map(_lifecycle_entry, self._keys_client.history(organisation_id, key_id, where)))


def everything_of(
    database: Database, key_id: str, wanted: ActivityFilter, life: Iterable[Mapping[str, Any]]
) -> Iterator[TimelineEntry]:
    """As ActivityTimeline.everything, for who cannot ask keys."""
    lifecycle = list(map(_lifecycle_entry, life))
    after: Place | None = None
    while True:
        page = _page(database, key_id, _EXPORT_PAGE, wanted, lifecycle, after, unlimited=True)
        yield from page.entries
        after = page.next_place
        if after is None:
            return


def _page(
    database: Database,
    key_id: str,
    limit: int,
    wanted: ActivityFilter,
    lifecycle: Iterable[TimelineEntry],
    after: Place | None,
    *,
    unlimited: bool = False,
) -> TimelinePage:
    entries = [entry for entry in lifecycle if after is None or entry.place < after]
    entries += _requests(database, key_id, limit, wanted, after, unlimited)
    entries.sort(key=lambda entry: entry.place, reverse=True)
    shown, last = cut(entries, limit)
    return TimelinePage(entries=tuple(shown), next_place=None if last is None else last.place)


def _requests(
    database: Database, key_id: str, limit: int, wanted: ActivityFilter, after: Place | None, unlimited: bool
) -> list[TimelineEntry]:
    table = tables.request
    query = select(table).where(table.c.key_id == key_id, *_conditions(wanted))
    newest_first = (By(table.c.at, descending=True), By(table.c.id, descending=True))
    # At the same microsecond requests come before lifecycle events: after such an event none of them is left.
    place = after and (after.at, after.number if after.kind == _REQUEST else 0)
    seconds_max = SECONDS_MAX if wanted.picks_requests and not unlimited else None
    try:
        with database.reading(unlimited=unlimited, seconds_max=seconds_max) as tx:
            rows = tx.execute(keyset(query, newest_first, place, limit)).all()
    except TookTooLong as error:
        raise InvalidArguments(str(error)) from None
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
        (table.c.secret_hint, wanted.secret_hint),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.start is not None:
        conditions.append(table.c.at >= to_microseconds(wanted.start))
    if wanted.end is not None:
        conditions.append(table.c.at < to_microseconds(wanted.end))
    return conditions


def _range(wanted: ActivityFilter, after: Place | None) -> dict[str, Any]:
    """As `keys.history` takes it: what is wanted, and stands after that place."""
    end = None if wanted.end is None else (to_microseconds(wanted.end), 0)
    if after is not None:
        place = after.at, after.number if after.kind == _LIFECYCLE else _REVISION_MAX
        end = place if end is None else min(end, place)
    told: dict[str, Any] = {} if end is None else {"end": rfc3339(from_microseconds(end[0])), "end_revision": end[1]}
    if wanted.start is not None:
        told["start"] = rfc3339(wanted.start)
    return told if wanted.request_id is None else told | {"request_id": wanted.request_id}


def _lifecycle_entry(entry: Mapping[str, Any]) -> TimelineEntry:
    at = from_rfc3339(entry["at"])
    return TimelineEntry(at=at, place=Place(to_microseconds(at), _LIFECYCLE, entry["revision"]), lifecycle=entry)


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
        secret_hint=row.secret_hint,
    )
    return TimelineEntry(at=request.at, place=Place(row.at, _REQUEST, row.id), request=request)
