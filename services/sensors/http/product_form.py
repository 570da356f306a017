"""The product's form of answers: {"data", "meta"}, lists with `pagination`, asked for by page or by cursor.

Entity tags are over `data` and `pagination`: `meta` is of the answer, not of what is shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.values.timestamps import rfc3339
from shared.web.conditions.entity_tags import entity_tag
from shared.web.operation import Answer, Call, StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests import cursor
from shared.web.requests.call import NETWORK

PAGE_MAX = 1_000_000
_ONE_WAY = "give page or cursor, not both"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPageQuery(PageQuery):
    """The query of a page by number (from 1), or by cursor; neither: the first page."""

    page: int | None = None

    @property
    def offset(self) -> int:
        """How many items are before the page that is asked for by number; 0 when a cursor says where it begins."""
        return ((self.page or 1) - 1) * self.limit


class NumberedPageQuerySchema(PageQuerySchema):
    shape = NumberedPageQuery
    page = fields.Integer(
        validate=validate.Range(min=1, max=PAGE_MAX),
        metadata={"description": "from 1; past the last page, data is empty", "refusals": [_ONE_WAY]},
    )

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if "page" in data and "cursor" in data:
            raise ValidationError(_ONE_WAY, "page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page of a list. `place`: of its last item if more follow, else None. `total`: of all pages together."""

    items: Iterable[Any]
    place: tuple[str | int, ...] | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """A page as JSON, open at its end for `meta`, which is of each answer; and its entity tag."""

    opened: bytes
    tag: str


def shown(
    call: Call[Any, Any], data: Any, *, revision: int | None = None, network_id: str | None = None, **more: Any
) -> Answer:
    """The answer that shows `data`. `more`: what else the Answer has, such as its status and headers.

    `network_id`: the network that it is counted as about, unless what is shown has that itself.
    """
    told = data.get(NETWORK) if isinstance(data, Mapping) else None
    body = {"data": data, "meta": meta(call)}
    return Answer(body=body, revision=revision, network_id=told or network_id, **more)


def page(call: Call[Any, Any], listed: Listed) -> Answer:
    """The answer with one page, as the call's NumberedPageQuery asks. By cursor no page has a number."""
    return Answer(body={**_page(call.query, listed), "meta": meta(call)})


def encoded(query: NumberedPageQuery, listed: Listed) -> EncodedPage:
    """The page, to be answered many times."""
    body = msgspec.json.encode(_page(query, listed))
    return EncodedPage(opened=body[:-1] + b',"meta":', tag=entity_tag(None, body))


def encoded_page(call: Call[Any, Any], kept: EncodedPage) -> Answer:
    """The answer with a page that is encoded already."""
    body = b"".join((kept.opened, msgspec.json.encode(meta(call)), b"}"))
    return Answer(body=body, headers={"ETag": kept.tag})


def _page(query: NumberedPageQuery, listed: Listed) -> dict[str, Any]:
    by_number = query.cursor is None
    pagination = {
        "page": (query.page or 1) if by_number else None,
        "limit": query.limit,
        "total": listed.total,
        "pages": -(-listed.total // query.limit) if by_number else None,
        "next_cursor": None if listed.place is None else cursor.encode(query.asked(), *listed.place),
    }
    return {"data": list(listed.items), "pagination": pagination}


def meta(call: Call[Any, Any]) -> dict[str, str]:
    """What each answer tells of itself."""
    return {"request_id": call.request_id, "timestamp": rfc3339(datetime.fromtimestamp(call.time(), UTC))}


class AnswerMetaSchema(StrictSchema):
    request_id = fields.String(required=True)
    timestamp = fields.AwareDateTime(required=True)


class PaginationSchema(StrictSchema):
    page = fields.Integer(required=True, allow_none=True, metadata={"description": "null: asked for by cursor"})
    limit = fields.Integer(required=True)
    total = fields.Integer(required=True, metadata={"description": "items on all pages together"})
    pages = fields.Integer(required=True, allow_none=True, metadata={"description": "null: asked for by cursor"})
    next_cursor = fields.String(required=True, allow_none=True, metadata={"description": "null: the last page"})


def answer_of(schema: type[Schema], name: str) -> type[Schema]:
    """The schema, called `name`, of an answer whose `data` is of the schema given."""
    data, meta = fields.Nested(schema, required=True), fields.Nested(AnswerMetaSchema, required=True)
    return type(name, (StrictSchema,), {"data": data, "meta": meta})


def page_of(schema: type[Schema], name: str) -> type[Schema]:
    """The schema, called `name`, of an answer that is one page of a list."""
    data = fields.List(fields.Nested(schema), required=True)
    pagination = fields.Nested(PaginationSchema, required=True)
    meta = fields.Nested(AnswerMetaSchema, required=True)
    return type(name, (StrictSchema,), {"data": data, "pagination": pagination, "meta": meta})
