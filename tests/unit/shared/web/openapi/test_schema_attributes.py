"""Patterns of the document are of ECMA 262, with which generated clients validate what they send."""

import pytest

from shared.web.openapi.schema_attributes import ecma_pattern


@pytest.mark.parametrize(
    ("python", "ecma"),
    [
        (r"[A-Z]{3}\Z", "^[A-Z]{3}$"),
        (r"^a$", "^a$"),
        ("a|b", "^(?:a|b)"),
        (r"a|b\Z", "^(?:a|b)$"),
    ],
)
def test_a_pattern_means_the_same_in_both(python: str, ecma: str) -> None:
    assert ecma_pattern(python) == ecma


@pytest.mark.parametrize("pattern", [r"\Aa", "(?P<name>a)", "(?i)a", "a++", r"a\Zb"])
def test_what_ecma_has_not_is_refused_when_the_document_is_made(pattern: str) -> None:
    with pytest.raises(ValueError, match="ECMA"):
        ecma_pattern(pattern)
