"""Answers in the product's form: a list is told by page and by cursor, and its tag is not of the moment."""

from types import SimpleNamespace
from typing import Any

import pytest
from marshmallow import ValidationError

from services.sensors.http.product_form import Listed, NumberedPageQuery, NumberedPageQuerySchema, page, shown
from shared.web.conditions.entity_tags import tagged

NOON = 1_795_608_000.0


def call(query: Any = None, *, time: float = NOON) -> Any:
    return SimpleNamespace(query=query, request_id="req_1", time=lambda: time)


def test_a_page_by_number_tells_how_many_there_are_and_where_the_next_begins() -> None:
    query = NumberedPageQuery(page=2, limit=20)
    body = page(call(query), Listed(items=range(20), place=("z",), total=45)).body
    assert query.offset == 20
    assert body["meta"] == {"request_id": "req_1", "timestamp": "2026-11-25T12:00:00.000000Z"}
    cursor = body["pagination"].pop("next_cursor")
    assert body["pagination"] == {"page": 2, "limit": 20, "total": 45, "pages": 3}
    assert NumberedPageQuery(cursor=cursor, limit=7).after(str) == ("z",)


def test_a_page_by_cursor_has_no_number() -> None:
    first = page(call(NumberedPageQuery()), Listed(items=(), place=("z",), total=45)).body["pagination"]
    second = NumberedPageQuery(cursor=first["next_cursor"])
    told = page(call(second), Listed(items=(), place=None, total=45)).body["pagination"]
    assert second.offset == 0
    assert told == {"page": None, "limit": 20, "total": 45, "pages": None, "next_cursor": None}


def test_page_and_cursor_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="page or cursor"):
        NumberedPageQuerySchema().load({"page": 1, "cursor": "x"})


def test_the_tag_is_of_what_is_shown_and_not_of_the_moment() -> None:
    now, later = (tagged(shown(call(time=time), {"id": "sen_1"}, revision=3)) for time in (NOON, NOON + 1))
    assert now.headers["ETag"] == later.headers["ETag"]
    assert b'"timestamp":"2026-11-25T12:00:01' in later.data()
    assert now.headers["ETag"] != tagged(shown(call(), {"id": "sen_2"}, revision=3)).headers["ETag"]


@pytest.mark.parametrize(
    ("data", "more", "network_id"),
    [
        ({"id": "sen_1", "network_id": "net_1"}, {}, "net_1"),
        ({"id": "sen_1", "network_id": None}, {}, None),
        ({"sensor_id": "sen_1"}, {}, None),
        ({"sensor_id": "sen_1"}, {"network_id": "net_1"}, "net_1"),
        ([{"network_id": "net_1"}], {}, None),
    ],
)
def test_what_is_shown_of_a_network_is_counted_as_about_it(
    data: Any, more: dict[str, Any], network_id: str | None
) -> None:
    assert shown(call(), data, **more).network_id == network_id
