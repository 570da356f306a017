"""Forms of keys that another system made: which prefixes are taken, what is a key by them; no text keeps one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gate.authentication.credential import Guess, guess_of
from shared.observability.redaction import redact
from shared.values import key_forms
from shared.values.key_forms import FORMS_MAX, KeyFormWrong, checked
from shared.web.problems.catalogue import CATALOGUE
from tests.examples import SECRET

PREFIXES = ("acme_", "Rail7-")
ROOT = Path(key_forms.__file__).parents[2]
CUT_FROM = 16  # characters after a prefix
BODIES = st.text("0123456789abcXYZ_-", min_size=22, max_size=180)


@pytest.fixture(autouse=True, scope="module")
def _let_in() -> Iterator[None]:
    key_forms.let_in(PREFIXES)
    yield
    key_forms.let_in(())


@pytest.mark.parametrize("prefixes", [(), ("abc_",), ("abx-", "aby-"), ("a" * 19 + "_",), ("1234_", "12345_")])
def test_such_prefixes_are_taken(prefixes: tuple[str, ...]) -> None:
    assert checked(prefixes) == prefixes


@pytest.mark.parametrize(
    "prefixes",
    [
        ("",),
        ("acme",),
        ("ab_",),
        ("a" * 20 + "_",),
        ("sk_live_",),
        ("ac me_",),
        ("acmé_",),
        ("acme_\n",),
        ("grl_",),
        ("grc_",),
        ("grillo-",),
        ("key_",),
        ("whsec_",),
        ("acme_", "acme_"),
        ("ate_",),
        ("sec_",),
        ("abc-",),
        tuple(f"acme{number}_" for number in range(FORMS_MAX + 1)),
    ],
)
def test_others_are_refused(prefixes: tuple[str, ...]) -> None:
    with pytest.raises(KeyFormWrong):
        checked(prefixes)


def test_no_prefix_would_cut_the_names_of_problems() -> None:
    for name in CATALOGUE:
        for at in (at + 1 for at, letter in enumerate(name) if letter == "-"):
            if len(name) - at >= CUT_FROM:
                with pytest.raises(KeyFormWrong):
                    checked((name[:at],))


def test_no_prefix_would_cut_the_names_of_log_lines() -> None:
    logged = re.compile(r'_log\.(?:debug|info|warning|error|exception)\(\s*"([a-z_]+)"')
    sources = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    names = {name for path in sources for name in logged.findall(path.read_text())}
    assert "quota_counted_by_redis" in names
    for name in names:
        for at in (at + 1 for at, letter in enumerate(name) if letter == "_"):
            if len(name) - at >= CUT_FROM:
                with pytest.raises(KeyFormWrong):
                    checked((name[:at],))


@given(st.sampled_from(PREFIXES), BODIES)
def test_a_whole_one_may_be_a_key_and_is_in_no_text(prefix: str, body: str) -> None:
    secret = prefix + body
    assert guess_of(secret) is None
    assert redact(f"Bearer {secret} and more") == f"Bearer {prefix}[redacted] and more"
    assert redact(redact(secret)) == redact(secret)


@given(st.sampled_from(PREFIXES), st.text("0123456789abcXYZ_-", min_size=16, max_size=300))
def test_a_piece_of_one_is_in_no_text_either(prefix: str, piece: str) -> None:
    assert piece not in redact(f'{{"key": "{prefix}{piece}"}}')


SECRETS = st.one_of(
    st.builds(str.__add__, st.sampled_from(PREFIXES), BODIES),
    st.builds(str.__add__, st.sampled_from(("grl_", "grc_")), st.text("0123456789abcXYZ", min_size=43, max_size=49)),
)


@given(st.lists(SECRETS, min_size=2, max_size=4), st.sampled_from(("", " ", "&key=")))
def test_of_several_one_behind_the_other_nothing_stays(secrets: list[str], between: str) -> None:
    told = redact(between.join(secrets))
    for secret in secrets:
        assert not any(secret[at : at + CUT_FROM] in told for at in range(len(secret) - CUT_FROM + 1))


@pytest.mark.parametrize(
    "secret",
    [
        "acme_" + "x" * 21,
        "acme_" + "x" * 181,
        "acme_" + "x" * 21 + "+",
        "Acme_" + "x" * 22,
        "other_" + "x" * 22,
        "acme_",
    ],
)
def test_what_only_looks_like_one_is_none(secret: str) -> None:
    assert guess_of(secret) is Guess.MALFORMED


def test_our_own_are_as_ever() -> None:
    assert guess_of(SECRET) is None
    assert guess_of(SECRET[:-1] + "!") is Guess.MALFORMED
    assert redact(SECRET) == "grl_[redacted]"


def test_where_none_is_let_in_nothing_is_taken() -> None:
    key_forms.let_in(())
    try:
        assert guess_of("acme_" + "x" * 22) is Guess.MALFORMED
        assert redact("acme_" + "x" * 22) == "acme_" + "x" * 22
    finally:
        key_forms.let_in(PREFIXES)
