"""Names that people give: one form, and nothing in them that cannot be seen."""

import pytest

from shared.values.names import NotAName, as_name, folded, visible


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\tb", "a\u202eb", "a\u2066b", "a\u200bb", "a\u00adb", "a\u3164b", "a\u2028b", "a\ufeffb"]
)
def test_what_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(NotAName, match="invisible"):
        as_name(name)


@pytest.mark.parametrize("name", ["", "  ", "\u00a0"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(NotAName, match="blank"):
        as_name(name)


@pytest.mark.parametrize("name", ["Ligne 14 — Été", "日本 東京 🌋", "شبكة الزلازل", "می\u200cخواهم"])
def test_names_of_people_are_taken_as_they_are(name: str) -> None:
    assert as_name(f" {name} ") == visible(name) == name


def test_two_forms_of_one_name_are_one() -> None:
    assert as_name("Reseau e\u0301te\u0301") == as_name("Reseau \u00e9t\u00e9") == "Reseau \u00e9t\u00e9"
    assert folded("E\u0301TE\u0301") == folded("\u00e9t\u00e9")
