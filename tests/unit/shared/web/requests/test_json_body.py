"""A body's JSON: any text there is, escaped or not, and no half of a character."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.problems.catalogue import Problem
from shared.web.requests.json_body import parse


@pytest.mark.parametrize("body", [r'{"name": "\ud800"}', r'{"\udfff": 1}', r'[["\uDB00x"]]'])
def test_half_a_surrogate_pair_anywhere_in_a_body_is_no_json(body: str) -> None:
    with pytest.raises(Problem):
        parse(body.encode())


@given(st.text())
def test_any_text_that_can_be_written_is_read_from_a_body_escaped_or_not(text: str) -> None:
    assert parse(json.dumps([text]).encode()) == [text]
    assert parse(json.dumps([text], ensure_ascii=False).encode()) == [text]
