"""Queries for seismic events, for lists, details and exports alike. Reads only."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from services.sensors.catalogue import tables
from services.sensors.catalogue.circle import Circle
from services.sensors.catalogue.solution import Solution
from services.sensors.registry.visible import Visible
from shared.sql.database import Database
from shared.sql.keyset import By, cut, keyset
from shared.values.timestamps import from_microseconds, to_microseconds

EXPORTED_AT_ONCE = 500
_event = tables.seismic_event.c
_NEWEST_FIRST = (By(_event.origin_us, descending=True), By(_event.id, descending=True))
# Of the last event of a page: its microseconds, and its id.
Place = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """All must hold. `start` inclusive, `end` exclusive; an event without a magnitude is within no bound of it."""

    network_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_magnitude: float | None = None
    max_magnitude: float | None = None
    circle: Circle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeismicEventView:
    id: str
    network_id: str | None
    source: str
    public_id: str
    solution: Solution
    said_at: datetime | None
    revision: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """`place`: of its last event, if more follow. `total`: of events on all pages."""

    events: tuple[SeismicEventView, ...]
    place: Place | None
    total: int


class EventQueries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get_event(self, visible: Visible, event_id: str) -> SeismicEventView | None:
        """One query. None: no visible event, whether or not there is one for others."""
        with self._database.reading(once=True) as tx:
            row = tx.execute(_of(visible, select(tables.seismic_event)).where(_event.id == event_id)).first()
        return None if row is None else _view(row)

    def list_events(
        self, visible: Visible, wanted: EventFilter, limit: int, after: Place | None = None, offset: int = 0
    ) -> EventPage:
        """Newest first, past `after` (None: from the first) and `offset` more."""
        with self._database.reading() as tx:
            if wanted.circle is not None:
                return _page_of_circle(tx, _wanted(visible, wanted), wanted.circle, limit, after, offset)
            query = _wanted(visible, wanted)
            total = tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()
            rows = tx.execute(keyset(query, _NEWEST_FIRST, after, limit).offset(offset)).all()
        shown, last = cut(rows, limit)
        return EventPage(events=tuple(map(_view, shown)), place=_place(last), total=total)

    def all_events(self, visible: Visible, wanted: EventFilter) -> Iterator[SeismicEventView]:
        """Newest first, read some hundreds at once, so that any number takes no memory and holds no transaction."""
        query, circle, place = _wanted(visible, wanted), wanted.circle, None
        while True:
            with self._database.reading(once=True) as tx:
                rows = tx.execute(keyset(query, _NEWEST_FIRST, place, EXPORTED_AT_ONCE)).all()
            shown, last = cut(rows, EXPORTED_AT_ONCE)
            yield from (_view(row) for row in shown if circle is None or circle.holds(row.latitude, row.longitude))
            if last is None:
                return
            place = _place(last)

    def count_by_network(self, visible: Visible, since: datetime, network_ids: Collection[str]) -> dict[str, int]:
        """How many events each of these networks had from that moment on."""
        query = select(_event.network_id, func.count()).where(
            _event.origin_us >= to_microseconds(since), _event.network_id.in_(sorted(network_ids))
        )
        with self._database.reading(once=True) as tx:
            rows = tx.execute(_of(visible, query).group_by(_event.network_id)).all()
        return dict.fromkeys(network_ids, 0) | {row[0]: row[1] for row in rows}

    def has_events(self) -> bool:
        with self._database.reading(once=True) as tx:
            return tx.execute(select(_event.id).limit(1)).first() is not None


def _of(visible: Visible, query: Select[Any]) -> Select[Any]:
    """The query for the visible events alone."""
    return visible.within(query, tables.seismic_event).where(_event.withdrawn == 0)


def _wanted(visible: Visible, wanted: EventFilter) -> Select[Any]:
    """All that a database can tell: of a circle, the box around it."""
    query = _of(visible, select(tables.seismic_event))
    conditions: list[ColumnElement[bool]] = []
    if wanted.network_id is not None:
        conditions.append(_event.network_id == wanted.network_id)
    if wanted.start is not None:
        conditions.append(_event.origin_us >= to_microseconds(wanted.start))
    if wanted.end is not None:
        conditions.append(_event.origin_us < to_microseconds(wanted.end))
    if wanted.min_magnitude is not None:
        conditions.append(_event.magnitude >= wanted.min_magnitude)
    if wanted.max_magnitude is not None:
        conditions.append(_event.magnitude <= wanted.max_magnitude)
    if wanted.circle is not None:
        conditions += _around(wanted.circle)
    return query.where(*conditions)


def _around(circle: Circle) -> list[ColumnElement[bool]]:
    bounds = circle.bounds()
    conditions = [_event.latitude >= bounds.south, _event.latitude <= bounds.north]
    if bounds.west is None or bounds.east is None:
        return conditions
    past_west, before_east = _event.longitude >= bounds.west, _event.longitude <= bounds.east
    return [*conditions, *((past_west, before_east) if bounds.west <= bounds.east else (or_(past_west, before_east),))]


def _page_of_circle(
    tx: Connection, query: Select[Any], circle: Circle, limit: int, after: Place | None, offset: int
) -> EventPage:
    """Looks at the places of all events in the box, then reads those that are shown."""
    places = query.with_only_columns(_event.origin_us, _event.id, _event.latitude, _event.longitude)
    found = tx.execute(places)
    # By place and not by name, which takes most of the time where there are many.
    near = ((at_us, id_) for at_us, id_, latitude, longitude in found if circle.holds(latitude, longitude))
    inside = sorted(near, reverse=True)
    rest = inside if after is None else [place for place in inside if place < after]
    shown, last = cut(rest[offset : offset + limit + 1], limit)
    rows = tx.execute(select(tables.seismic_event).where(_event.id.in_([id_ for _, id_ in shown]))).all()
    by_id = {row.id: row for row in rows}
    return EventPage(events=tuple(_view(by_id[id_]) for _, id_ in shown), place=last, total=len(inside))


def _place(row: Row[Any] | None) -> Place | None:
    return None if row is None else (row.origin_us, row.id)


def _view(row: Row[Any]) -> SeismicEventView:
    return SeismicEventView(
        id=row.id,
        network_id=row.network_id,
        source=row.source,
        public_id=row.public_id,
        solution=msgspec.json.decode(row.details, type=Solution),
        said_at=None if row.said_us is None else from_microseconds(row.said_us),
        revision=row.revision,
        created_at=from_microseconds(row.created_us),
    )
