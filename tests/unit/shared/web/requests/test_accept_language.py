"""A page is shown in the language its reader asks for, if it is there at all."""

import pytest

from shared.web.requests.accept_language import preferred


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("FR-ca", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("en, fr;q=0.9", "en"),
        ("de, fr;q=0.3, en;q=0.2", "fr"),
        ("de", "en"),
        ("*", "en"),
        ("en;q=0, *", "fr"),
        ("fr;q=0", "en"),
        ("fr;q=nonsense, é, ;;", "en"),
    ],
)
def test_the_language_preferred_is_the_one_shown(asked: str, shown: str) -> None:
    assert preferred(asked, ("en", "fr")) == shown
