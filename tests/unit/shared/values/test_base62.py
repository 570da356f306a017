"""Base62: numbers as letters and digits of one length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.base62 import base62

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(st.integers(min_value=0, max_value=62**43 - 1))
def test_base62_loses_nothing_and_sorts_as_the_numbers_do(number: int) -> None:
    text = base62(number, 43)
    decoded = 0
    for character in text:
        decoded = decoded * 62 + BASE62.index(character)
    assert (decoded, len(text)) == (number, 43)
    assert number == 0 or base62(number - 1, 43) < text


def test_base62_refuses_a_number_that_does_not_fit() -> None:
    assert base62(62**6 - 1, 6) == "zzzzzz"
    with pytest.raises(OverflowError):
        base62(62**6, 6)
