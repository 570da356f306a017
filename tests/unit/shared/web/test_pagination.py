"""Cursors of lists: a page is followed in the same list only, filtered and sorted the same."""

from dataclasses import dataclass

import pytest

from shared.web.pagination import PageQuery, page_answer
from shared.web.problems.catalogue import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(PageQuery):
    status: str | None = None
    labels: tuple[str, ...] = ()
    sort: str = "name"


def cursor_of(query: PageQuery) -> str:
    cursor = page_answer([], ("z", 7), query).body["next_cursor"]
    assert isinstance(cursor, str)
    return cursor


def test_a_cursor_leads_on_in_its_own_list_whatever_the_limit() -> None:
    for query in (PageQuery(), Wanted(), Wanted(status="active", labels=("env:prod", "team:x"))):
        cursor = cursor_of(query)
        again = Wanted(
            status=getattr(query, "status", None), labels=getattr(query, "labels", ()), limit=7, cursor=cursor
        )
        assert again.after(str, int) == ("z", 7)
    assert PageQuery().after(str, int) is None


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({}, "status"),
        ({"status": "revoked"}, "status"),
        ({"status": "active", "sort": "-name"}, "sort"),
        ({"status": "active", "labels": ("env:prod",)}, "labels"),
        ({"sort": "-name"}, "sort, status"),
    ],
)
def test_a_cursor_of_a_list_filtered_or_sorted_otherwise_is_refused_by_name(other: dict[str, str], named: str) -> None:
    cursor = cursor_of(Wanted(status="active"))
    with pytest.raises(Problem) as refused:
        Wanted(**other, cursor=cursor).after(str, int)  # type: ignore[arg-type]  # as a schema would load them
    assert refused.value.type.status == 400
    assert f"another {named}" in str(refused.value.detail)
