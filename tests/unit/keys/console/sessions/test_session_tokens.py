"""Tokens of the console: their form, what of them is stored, and the token against forged forms."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.keys.console.sessions import tokens


def test_a_link_has_a_form_of_its_own_and_no_repr_shows_it() -> None:
    made = tokens.new_link()
    assert re.fullmatch(r"grc_[0-9A-Za-z]{43}", made.value)
    assert made.value[4:] not in repr(made)
    assert tokens.link_digest(made.value) == made.digest


@given(st.text())
def test_what_has_not_that_form_has_no_digest(text: str) -> None:
    assert tokens.link_digest(text) is None or re.fullmatch(r"grc_[0-9A-Za-z]{43}", text)
    assert tokens.session_digest(text) is None or re.fullmatch(r"[0-9A-Za-z]{43}", text)


def test_one_character_more_or_less_is_no_token() -> None:
    link, session = tokens.new_link().value, tokens.new_session().value
    assert {tokens.link_digest(text) for text in (link[:-1], link + "0", link + "\n", link.upper() + "_")} == {None}
    assert {tokens.session_digest(text) for text in (session[:-1], session + "0", f" {session}")} == {None}


def test_a_form_s_token_is_of_one_session_and_differs_each_time_it_is_written() -> None:
    session, other = tokens.new_session().value, tokens.new_session().value
    first, second = tokens.form_token(session), tokens.form_token(session)
    assert first != second
    assert tokens.is_form_token(first, session)
    assert tokens.is_form_token(second, session)
    assert not tokens.is_form_token(first, other)


@given(st.text() | st.binary(max_size=200).map(bytes.hex))
def test_nothing_else_is_a_form_s_token(text: str) -> None:
    assert not tokens.is_form_token(text, "0" * 43)
