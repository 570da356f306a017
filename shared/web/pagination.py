"""Pagination over HTTP: the query that asks for a page (limit, cursor), and the body that answers it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from shared.web.operation import Answer, StrictSchema
from shared.web.requests import cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """The query of a page: at most `limit` items, after the place in `cursor`; None: the first page."""

    limit: int = 20
    cursor: str | None = None

    def after(self, *kinds: type[str] | type[int]) -> tuple[Any, ...] | None:
        """Where the previous page ended: one part of the place for each of `kinds`. Raises Problem."""
        return None if self.cursor is None else cursor.decode(self.cursor, *kinds)


class PageQuerySchema(StrictSchema):
    shape = PageQuery
    limit = fields.Integer(validate=validate.Range(min=1, max=100))
    cursor = fields.String(validate=validate.Length(min=1, max=1000))


def page_answer(items: Iterable[Any], place: tuple[str | int, ...] | None) -> Answer:
    """The answer with one page. `place`: of its last item if more follow, else None."""
    return Answer(body={"data": list(items), "next_cursor": None if place is None else cursor.encode(*place)})
