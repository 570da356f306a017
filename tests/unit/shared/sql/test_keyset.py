"""Pages behind a place hold every row once, in order, whatever comes and goes between two of them."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, delete, insert, select

from shared.sql.keyset import By, cut, keyset

ROW = Table("row", MetaData(), Column("rank", Integer), Column("id", Integer, primary_key=True))
Row = tuple[int, int]
rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), unique_by=lambda row: row[1], max_size=12)
orders = st.tuples(st.booleans(), st.booleans())


@pytest.fixture(scope="module")
def tx() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        ROW.create(connection)
        yield connection


def order_of(descending: tuple[bool, bool]) -> tuple[By, By]:
    return By(ROW.c.rank, descending[0]), By(ROW.c.id, descending[1])


def page(tx: Connection, order: tuple[By, By], after: Row | None, limit: int) -> tuple[list[Row], Row | None]:
    shown, last = cut(tx.execute(keyset(select(ROW.c.rank, ROW.c.id), order, after, limit)).all(), limit)
    return [(row.rank, row.id) for row in shown], None if last is None else (last.rank, last.id)


def in_order(given: list[Row], descending: tuple[bool, bool]) -> list[Row]:
    return sorted(
        given, key=lambda row: tuple(-part if down else part for part, down in zip(row, descending, strict=True))
    )


def hold(tx: Connection, given: list[Row]) -> None:
    tx.execute(delete(ROW))
    for rank, id_ in given:
        tx.execute(insert(ROW).values(rank=rank, id=id_))


@given(rows, orders, st.integers(1, 5))
def test_pages_one_after_the_other_are_the_whole_list(
    tx: Connection, given: list[Row], descending: tuple[bool, bool], limit: int
) -> None:
    hold(tx, given)
    found, place = page(tx, order_of(descending), None, limit)
    while place is not None:
        assert len(found) % limit == 0
        more, place = page(tx, order_of(descending), place, limit)
        assert more
        found += more
    assert found == in_order(given, descending)


@given(rows, rows, orders, st.integers(1, 5))
def test_the_next_page_begins_behind_the_last_one_whatever_was_written_since(
    tx: Connection, before: list[Row], since: list[Row], descending: tuple[bool, bool], limit: int
) -> None:
    hold(tx, before)
    _, place = page(tx, order_of(descending), None, limit)
    if place is None:
        return
    hold(tx, since)
    behind = [row for row in in_order([*since, place], descending) if row != place]
    behind = behind[in_order([*behind, place], descending).index(place) :]
    assert page(tx, order_of(descending), place, limit)[0] == behind[:limit]
