"""Which requests present exactly one thing that could be a key; everything else costs no look-up."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gate.authentication.credential import (
    Credential,
    Guess,
    NoCredential,
    digest_of,
    is_well_formed,
    read_credential,
    with_checksum,
)
from shared.values.base62 import base62
from tests.gate_examples import SECRET, presented, secret

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PASSED = Credential(digest=digest_of(SECRET), in_query=False)


def test_a_key_is_the_documented_example_character_by_character() -> None:
    body = "grl_" + "0" * 42 + "1"
    assert body + base62(zlib.crc32(body.encode()), 6) == SECRET
    assert len(SECRET) == 4 + 43 + 6


@given(st.integers(min_value=0, max_value=2**256 - 1), st.integers(0, 52), st.characters())
def test_a_good_key_with_any_one_character_changed_is_no_key(number: int, at: int, character: str) -> None:
    good = secret(number)
    assert is_well_formed(good)
    changed = good[:at] + character + good[at + 1 :]
    assert is_well_formed(changed) == (changed == good)


@given(st.integers(min_value=0, max_value=2**256 - 1), st.integers(0, 51))
def test_a_good_key_with_two_neighbours_swapped_is_no_key(number: int, at: int) -> None:
    good = secret(number)
    swapped = good[:at] + good[at + 1] + good[at] + good[at + 2 :]
    assert is_well_formed(swapped) == (swapped == good)


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    assert not is_well_formed(text)


@pytest.mark.parametrize(
    "header",
    [f"Bearer {SECRET}", f"bearer {SECRET}", f"BEARER {SECRET}", f"bEaReR   {SECRET}", f"  Bearer {SECRET}  "],
)
def test_the_scheme_is_case_insensitive_and_padding_is_forgiven(header: str) -> None:
    assert read_credential(presented(header)) == PASSED


def test_a_key_in_the_query_is_read_and_known_to_be_from_there() -> None:
    assert read_credential(presented(None, SECRET)) == Credential(digest=digest_of(SECRET), in_query=True)


def test_a_request_without_any_credential_is_told_apart_from_a_faulty_one() -> None:
    assert read_credential(presented(None)) == NoCredential()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        SECRET,
        f"Basic {SECRET}",
        f"Bearer{SECRET}",
        f"Bearer\t{SECRET}",
        f"Bearer {SECRET} {SECRET}",
        f"Bearer {SECRET},Bearer {SECRET}",
        f"Bearer {SECRET}, {SECRET}",
        f"Bearer realm={SECRET} x",
    ],
)
def test_an_authorization_header_of_another_form_is_malformed(header: str) -> None:
    refused = read_credential(presented(header))
    assert isinstance(refused, NoCredential)
    assert refused.guess is None
    assert SECRET not in str(refused.malformed)
    assert "Bearer KEY" in str(refused.malformed)


@pytest.mark.parametrize(
    ("header", "query_keys"),
    [
        (f"Bearer {SECRET}", (SECRET,)),
        (None, (SECRET, SECRET)),
        ("Basic Zm9v", (SECRET,)),
        (f"Bearer {SECRET}", ("",)),
        (None, ("", "")),
    ],
)
def test_two_credentials_are_refused_even_when_they_are_equal(header: str | None, query_keys: tuple[str, ...]) -> None:
    refused = read_credential(presented(header, *query_keys))
    assert isinstance(refused, NoCredential)
    assert "one credential" in str(refused.malformed)


@pytest.mark.parametrize(
    "wrong",
    [
        SECRET[:-1],
        SECRET + "0",
        SECRET.upper(),
        SECRET.replace("grl_", "grl-"),
        "sk_" + SECRET[4:] + "0",
        SECRET[:-1] + "é",
        SECRET[:10] + "٣" + SECRET[11:],  # a digit, but not of ours
        SECRET[:10] + "\n" + SECRET[11:],
        "Bearer",
        with_checksum("grl_" + "0" * 42),
    ],
)
def test_what_is_no_key_is_invalid_from_the_header_and_from_the_query(wrong: str) -> None:
    for refused in (read_credential(presented(f"Bearer {wrong}")), read_credential(presented(None, wrong))):
        assert isinstance(refused, NoCredential)
        assert refused.guess in (Guess.MALFORMED, Guess.WRONG_CHECKSUM)
        assert refused.malformed is None


def test_an_empty_key_in_the_query_is_invalid_not_missing() -> None:
    assert read_credential(presented(None, "")) == NoCredential(guess=Guess.MALFORMED)
