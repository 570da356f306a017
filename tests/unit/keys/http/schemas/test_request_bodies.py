"""What people write of a key: texts that can be kept, within their bounds."""

import marshmallow
import pytest

from services.keys.http.schemas.request_bodies import CreateKeySchema, RevokeKeySchema

CREATE = {"name": "Ligne 14", "permissions": ["sensors:read"]}


@pytest.mark.parametrize("words", ["sur deux\nlignes\r\n\tavec retrait", "naïve — 東京 🌋", ""])
def test_a_description_and_a_note_may_hold_what_people_write(words: str) -> None:
    assert CreateKeySchema().load(CREATE | {"description": words}).given["description"] == words
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
    assert CreateKeySchema().load(CREATE | {"labels": {name: "prod"}}).given["labels"] == {name: "prod"}
