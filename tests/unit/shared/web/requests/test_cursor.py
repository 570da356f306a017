"""A cursor carries a place there and back, and what was never one of ours is told apart from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.problems.catalogue import Problem
from shared.web.requests import cursor

places = st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs"))), min_size=1, max_size=3)


@given(places)
def test_a_place_comes_back_as_it_was(place: list[str]) -> None:
    text = cursor.encode(*place)
    assert cursor.decode(text, *[str] * len(place)) == tuple(place)
    assert text.isascii()
    assert "=" not in text


@given(places, st.data())
def test_a_cursor_with_any_one_character_changed_or_for_another_list_is_refused(
    place: list[str], data: st.DataObject
) -> None:
    text = cursor.encode(*place)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters().filter(lambda character: character != text[at])) + text[at + 1 :]
    for wrong, length in ((changed, len(place)), (text, len(place) + 1), (text + "A", len(place))):
        with pytest.raises(Problem):
            cursor.decode(wrong, *[str] * length)


@pytest.mark.parametrize("text", ["\0", "sen_\x7f"])
def test_what_no_database_takes_is_in_no_cursor_of_ours(text: str) -> None:
    """Its checksum keeps nobody from making one."""
    with pytest.raises(Problem):
        cursor.decode(cursor.encode(text), str)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3))
def test_numbers_come_back_as_numbers(place: list[int]) -> None:
    assert cursor.decode(cursor.encode(*place), *[int] * len(place)) == tuple(place)


@pytest.mark.parametrize("part", ["x", "", "1_0", "٣", str(2**63), "1.0", "9" * 30])
def test_a_text_or_a_number_beyond_64_bits_is_no_number(part: str) -> None:
    with pytest.raises(Problem):
        cursor.decode(cursor.encode(part), int)


@given(st.text())
def test_no_text_whatever_is_more_than_refused(text: str) -> None:
    with pytest.raises(Problem):
        cursor.decode(text, str, str)
