"""Choices of an expiry: within the longest lifetime, and the organisation's default first."""

from datetime import timedelta

import pytest

from services.keys.console.pages.creation import expiry_choices
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes


@pytest.mark.parametrize(
    ("lifetimes", "choices", "first"),
    [
        (UNLIMITED, ("30", "90", "365"), "90"),
        (Lifetimes(max_days=60), ("30", "60"), "60"),
        (Lifetimes(max_days=7), ("7",), "7"),
        (Lifetimes(default_days=14), ("14", "30", "90", "365"), "14"),
        (Lifetimes(max_days=180, default_days=45), ("30", "45", "90", "180"), "45"),
    ],
)
def test_none_is_beyond_what_the_organisation_allows(
    lifetimes: Lifetimes, choices: tuple[str, ...], first: str
) -> None:
    assert expiry_choices.choices(lifetimes) == choices
    assert expiry_choices.first(lifetimes) == first
    assert first in choices


def test_a_key_that_has_lived_has_less_left_and_what_was_chosen_stays_there() -> None:
    lifetimes = Lifetimes(max_days=100)
    assert expiry_choices.choices(lifetimes, ["never"], timedelta(days=40, hours=1)) == ("30", "59")
    assert expiry_choices.choices(lifetimes, ["365"], timedelta(days=200)) == ("365",)
