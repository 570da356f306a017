"""A channel's secrets while one is replaced: which sign, and for how long."""

from datetime import timedelta

from services.usage.notifications.channel import Channel, Kind
from tests.examples import NOON, ORGANISATION_ID

FIRST = "first"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CHANNEL = Channel(
    id="chn_1",
    organisation_id=ORGANISATION_ID,
    kind=Kind.WEBHOOK,
    target="https://a.example/b",
    events=(),
    sealed_secret=FIRST,
    created_at=NOON,
)


def test_the_secret_before_signs_for_the_overlap() -> None:
    renewed = CHANNEL.with_new_secret("second", NOON, DAY)
    assert renewed.sealed_secrets(NOON + DAY - HOUR) == ("second", "first")
    assert renewed.sealed_secrets(NOON + DAY) == ("second",)
    assert CHANNEL.with_new_secret("second", NOON, timedelta()).sealed_secrets(NOON) == ("second",)


def test_one_whose_answer_was_lost_is_replaced_and_the_one_that_the_receiver_knows_signs_on() -> None:
    lost = CHANNEL.with_new_secret("lost", NOON, DAY)
    again = lost.with_new_secret("third", NOON + HOUR, DAY, instead=True)
    assert again.sealed_secrets(NOON + HOUR) == ("third", "first")
    assert again.previous_until == lost.previous_until


def test_a_lost_one_that_is_replaced_when_nothing_else_signs_any_more_just_ends() -> None:
    lost = CHANNEL.with_new_secret("lost", NOON, HOUR)
    assert lost.with_new_secret("third", NOON + DAY, DAY, instead=True).sealed_secrets(NOON + DAY) == ("third",)
    assert CHANNEL.with_new_secret("second", NOON, DAY, instead=True).sealed_secrets(NOON) == ("second",)
