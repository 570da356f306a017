"""People's words are texts that can be kept, and can be read only as long as their data key exists."""

import json

import marshmallow
import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given, settings
from hypothesis import strategies as st

from services.keys.encryption.description import Description, new_data_key, seal, seal_note, unseal
from services.keys.http.request_bodies import CreateKeySchema, RevokeKeySchema
from shared.web.problems.catalogue import Problem
from shared.web.requests.json_body import parse

DATA_KEY = new_data_key()
WORDS = Description(
    name="Ligne 14 — capteurs", description="Pour l'exploitation.\nAppeler Mme Noël.", labels={"env": "prod"}
)
CREATE = {"name": "Ligne 14", "permissions": ["sensors:read"]}


@settings(deadline=None)
@given(st.builds(Description, name=st.text(), description=st.text(), labels=st.dictionaries(st.text(), st.text())))
def test_any_words_come_back_from_their_seal_as_they_were(words: Description) -> None:
    assert unseal(seal(words, DATA_KEY), DATA_KEY) == words


def test_without_their_own_data_key_words_are_gone() -> None:
    sealed = seal(WORDS, DATA_KEY)
    with pytest.raises(InvalidToken):
        unseal(sealed, new_data_key())


def test_a_seal_shows_nothing_and_no_two_are_alike() -> None:
    sealed = seal(WORDS, DATA_KEY)
    assert not any(word in sealed for word in ("Ligne", "Noël", "env", "prod"))
    assert seal(WORDS, DATA_KEY) != sealed
    assert "Noël" not in seal_note("Mme Noël l'a perdue", DATA_KEY)


def test_a_seal_that_was_tampered_with_is_not_opened() -> None:
    sealed = seal(WORDS, DATA_KEY)
    with pytest.raises(InvalidToken):
        unseal(sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:], DATA_KEY)


@pytest.mark.parametrize("words", ["sur deux\nlignes\r\n\tavec retrait", "naïve — 東京 🌋", ""])
def test_a_description_and_a_note_may_hold_what_people_write(words: str) -> None:
    assert CreateKeySchema().load(CREATE | {"description": words}).description == words
    assert RevokeKeySchema().load({"note": words}).note == words


@pytest.mark.parametrize("words", ["\x00", "a\x1bb", "\ud800"])
def test_what_no_database_or_seal_can_hold_is_refused_as_the_caller_s_fault(words: str) -> None:
    for body in ({"name": words}, {"description": words}, {"labels": {"env": words}}, {"labels": {words: "prod"}}):
        with pytest.raises(marshmallow.ValidationError):
            CreateKeySchema().load(CREATE | body)
    with pytest.raises(marshmallow.ValidationError):
        RevokeKeySchema().load({"note": words})


@pytest.mark.parametrize("name", ["", "-env", "en v", "env\n", "é", "e" * 64, "e!"])
def test_a_label_s_name_is_checked_to_its_end(name: str) -> None:
    with pytest.raises(marshmallow.ValidationError):
        CreateKeySchema().load(CREATE | {"labels": {name: "prod"}})


@pytest.mark.parametrize("name", ["e", "env", "team/Unit_7.b-2", "e" * 63])
def test_a_label_s_name_may_be_like_this(name: str) -> None:
    assert CreateKeySchema().load(CREATE | {"labels": {name: "prod"}}).labels == {name: "prod"}


@pytest.mark.parametrize("body", [r'{"name": "\ud800"}', r'{"\udfff": 1}', r'[["\uDB00x"]]'])
def test_half_a_surrogate_pair_anywhere_in_a_body_is_no_json(body: str) -> None:
    with pytest.raises(Problem):
        parse(body.encode())


@given(st.text())
def test_any_text_that_can_be_written_is_read_from_a_body_escaped_or_not(text: str) -> None:
    assert parse(json.dumps([text]).encode()) == [text]
    assert parse(json.dumps([text], ensure_ascii=False).encode()) == [text]
