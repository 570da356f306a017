"""Nothing of a key's pattern survives a redaction, and nothing else is lost by it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.observability.redaction import redact
from tests.examples import HINT, SECRET

PATTERN = re.compile(r"grl_[0-9A-Za-z]{49}")


@given(st.text(), st.text(alphabet="0123456789abcXYZ", min_size=49, max_size=49), st.text())
def test_a_key_is_cut_out_of_any_text_and_the_rest_is_left(before: str, body: str, after: str) -> None:
    cut = redact(f"{before}grl_{body}{after}")
    assert PATTERN.search(cut) is None
    assert cut.startswith(redact(before) + "grl_[redacted]")
    assert redact(cut) == cut


@given(st.text().filter(lambda text: "grl_" not in text and "grc_" not in text))
def test_a_text_without_a_key_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_hint_is_no_secret_and_stays_readable() -> None:
    assert redact(f"key {HINT} was revoked") == f"key {HINT} was revoked"


def test_a_piece_of_a_key_long_enough_to_matter_is_cut_out_too() -> None:
    assert redact(SECRET[:40]) == "grl_[redacted]"
    assert redact(SECRET * 3) == "grl_[redacted]" * 3


@given(st.text(), st.text(alphabet="0123456789abcXYZ", min_size=43, max_size=43), st.text())
def test_so_is_the_token_of_a_link_to_the_console(before: str, body: str, after: str) -> None:
    cut = redact(f"{before}/console/link/grc_{body}{after}")
    assert f"grc_{body}" not in cut
    assert cut.startswith(redact(before) + "/console/link/grc_[redacted]")
    assert redact(cut) == cut
