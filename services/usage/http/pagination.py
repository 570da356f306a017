"""What lists of usage take, how many and from where on; and what a deletion answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from shared.web.operation import Answer, StrictSchema
from shared.web.problems.catalogue import Problem
from shared.web.requests import cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    limit: int = 20
    cursor: str | None = None

    def after(self) -> tuple[int, str] | None:
        """(microseconds, id) where the page before ended. Raises Problem."""
        if self.cursor is None:
            return None
        at, item_id = cursor.decode(self.cursor, 2)
        if not (at.isascii() and at.isdecimal() and len(at) <= 18):
            raise Problem("invalid-request", "cursor: use next_cursor of the page before, unchanged")
        return int(at), item_id


class PageQuerySchema(StrictSchema):
    shape = PageQuery
    limit = fields.Integer(validate=validate.Range(min=1, max=100))
    cursor = fields.String(validate=validate.Length(min=1, max=1000))


def listed(items: Iterable[Any], place: tuple[int, str] | None) -> Answer:
    """`place`: of the last one, if there are more."""
    next_cursor = None if place is None else cursor.encode(str(place[0]), place[1])
    return Answer(body={"data": list(items), "next_cursor": next_cursor})


class DeletedSchema(StrictSchema):
    id = fields.String(required=True)
    deleted_at = fields.AwareDateTime(required=True)
