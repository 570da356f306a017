"""People's words are texts that can be kept, and can be read only as long as their data key exists."""

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given, settings
from hypothesis import strategies as st

from services.keys.encryption.description import Description, new_data_key, seal, seal_note, unseal

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
