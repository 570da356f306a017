"""Pagination over HTTP: the query that asks for a page (limit, cursor), and the body that answers it."""

import dataclasses
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from marshmallow import fields, validate

from shared.web.operation import Answer, StrictSchema
from shared.web.problems.catalogue import Problem
from shared.web.requests import cursor

_PAGING = ("limit", "cursor", "page")
_GO_ON = "send all else as it was (limit may change), or begin again without a cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """The query of a page: at most `limit` items, after the place in `cursor`; None: the first page."""

    limit: int = 20
    cursor: str | None = None

    def after(self, *kinds: type[str] | type[int]) -> tuple[Any, ...] | None:
        """Where the previous page ended: one part of the place for each of `kinds`.

        Raises Problem, also for a cursor of a list that is filtered or sorted otherwise.
        """
        if self.cursor is None:
            return None
        asked, *place = cursor.decode(self.cursor, str, *kinds)
        if asked != self.asked():
            differing = {part.partition("=")[0] for part in {*asked.split()} ^ {*self.asked().split()}}
            own = (field.name for field in dataclasses.fields(self) if field.name in differing)
            names = ", ".join(sorted(name.rstrip("_") for name in own)) or "filter"
            raise Problem("invalid-request", f"cursor: comes from a list with another {names}; {_GO_ON}")
        return tuple(place)

    def asked(self) -> str:
        """The filters and order that are asked for, in short: a checksum of each that is not the default."""
        given = ((field.name, getattr(self, field.name), field.default) for field in dataclasses.fields(self))
        return " ".join(
            f"{name}={zlib.crc32(repr(value).encode()):08x}"
            for name, value, default in sorted(given, key=itemgetter(0))
            if name not in _PAGING and value != default
        )


class PageQuerySchema(StrictSchema):
    shape = PageQuery
    limit = fields.Integer(validate=validate.Range(min=1, max=100))
    cursor = fields.String(
        validate=validate.Length(min=1, max=1000),
        metadata={"description": cursor.NOT_OURS, "refusals": ["comes from a list with another"]},
    )


def page_answer(items: Iterable[Any], place: tuple[str | int, ...] | None, query: PageQuery) -> Answer:
    """The answer with one page of the list that is asked for. `place`: of its last item if more follow, else None."""
    next_cursor = None if place is None else cursor.encode(query.asked(), *place)
    return Answer(body={"data": list(items), "next_cursor": next_cursor})
