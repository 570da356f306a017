"""A line a minute, which says for how many cases it stands; each subject has its own."""

from shared.observability.once_a_minute import SECONDS, OnceAMinute


def test_the_first_of_a_minute_is_told_and_stands_for_those_untold_before() -> None:
    now = 100.0
    lines = OnceAMinute(lambda: now)
    assert [lines.due(), lines.due(), lines.due()] == [1, None, None]
    assert lines.due("another") == 1
    now += SECONDS - 0.001
    assert lines.due() is None
    now += 0.001
    assert [lines.due(), lines.due()] == [4, None]
    now += SECONDS
    assert [lines.due(), lines.due("another")] == [2, 1]
