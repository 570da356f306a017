"""Catalogues of the console: nothing is missing, nothing is stale, and a translation fills in what its message does."""

import re

import pytest

from ops.messages import TRANSLATED, catalogue, messages

_PLACEHOLDER = re.compile(r"%\(\w+\)s|`[^`]*`")


@pytest.fixture(scope="module")
def said() -> dict[object, str]:
    """What templates, code and operations say, each with itself."""
    return {message.id: _text(message.id) for message in messages() if message.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_no_translation_is_of_a_text_that_is_gone(
    language: str, said: dict[object, str]
) -> None:
    """`make messages` adds what is new and takes away what is gone."""
    translated = {message.id for message in catalogue(language) if message.id and all(_forms(message.string))}
    assert sorted(said[id_] for id_ in said.keys() - translated) == []
    known = {message.id for message in catalogue(language) if message.id}
    assert sorted(_text(id_) for id_ in known - said.keys()) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_and_the_code_of_its_message(language: str) -> None:
    """With another one a page would fail, in that language only."""
    for message in catalogue(language):
        if message.id:
            expected = sorted(_PLACEHOLDER.findall(_text(message.id)))
            for form in _forms(message.string):
                assert sorted(_PLACEHOLDER.findall(form)) == expected, form


def _text(id_: object) -> str:
    return _forms(id_)[-1]


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, (tuple, list)) else (str(text),)
