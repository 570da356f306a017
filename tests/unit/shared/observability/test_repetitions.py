"""Each different error is told once in full; what repeats itself is a line a minute, and little."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from shared.observability.repetitions import Repetitions
from tests.examples import SECRET


class Told:
    """What comes through, by a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self._repetitions = Repetitions(lambda: self.now)

    def __call__(self, method: str, event: str = "e", **line: Any) -> Any:
        try:
            return self._repetitions(None, method, {"event": event, **line})
        except structlog.DropEvent:
            return None


@pytest.fixture
def told() -> Told:
    return Told()


def _away(to: str = "the database") -> None:
    raise ConnectionError(to)


def _in_two() -> None:
    raise ConnectionError


def _raised(act: Callable[[], None], cause: BaseException | None = None) -> BaseException:
    try:
        try:
            act()
        except ConnectionError as error:
            if cause is None:
                raise
            raise error from cause
    except ConnectionError as error:
        return error
    raise AssertionError


def test_an_error_or_warning_that_repeats_itself_is_a_line_a_minute_with_its_number(told: Told) -> None:
    """A gate that cannot pull says so each second: on a full disk, or for a night, that would be megabytes."""
    for method in ("warning", "error"):
        assert told(method, detail="x", request_id="r1") is not None
        assert told(method, detail="x", request_id="r2") is None
        assert told(method, detail="y") is not None, "another cause"
    assert told("warning", detail="x", batch="another") is not None
    assert told("error", detail="x", batch="another") is None, "the same error of another thing"
    assert told("info", detail="x") == told("info", detail="x")
    told.now = 60.0
    assert (told("warning", detail="x")["cases"], told("error", detail="x")["cases"]) == (2, 3)


def test_numbers_and_addresses_in_a_library_s_sentence_are_no_other_error(told: Told) -> None:
    assert told("warning", "error handling worker <keys at 0x7f01>: gone, again in 1.5 seconds") is not None
    assert told("warning", "error handling worker <keys at 0x7f02>: gone, again in 2.5 seconds") is None
    assert told("warning", "error handling worker <keys at 0x7f02>: refused, again in 2.5 seconds") is not None


def test_of_one_event_that_always_says_something_else_few_are_told_apart(told: Told) -> None:
    lines = [told("warning", delivery=number) for number in range(1000)]
    assert sum(line is not None for line in lines) == 21, "twenty, and one for all others"
    told.now = 60.0
    assert told("warning", delivery=1000)["cases"] == 980


def test_events_without_end_share_a_line(told: Told) -> None:
    names = [chr(0x4E00 + number) for number in range(2000)]
    assert sum(told("error", name) is not None for name in names) == 1001
    assert sum(told("error", name, exc_info=ValueError()) is not None for name in names) == 1001


@pytest.mark.parametrize("shape", ["exception", "tuple", "true"])
def test_a_traceback_is_written_once_a_day_and_then_told_by_what_it_says_and_where(told: Told, shape: str) -> None:
    def tell(event: str) -> Any:
        try:
            _away()
        except ConnectionError as error:
            shapes = {"exception": error, "tuple": (type(error), error, error.__traceback__), "true": True}
            return told("error", event, exc_info=shapes[shape])

    first = tell("evaluation_failed")
    assert first["exc_info"]
    assert "exception" not in first
    assert tell("evaluation_failed") is None
    other = tell("rollup_failed")
    assert "exc_info" not in other
    assert (other["at"], other["exception"]) == (first["at"], "ConnectionError: the database\n")
    told.now = 60.0
    again = tell("evaluation_failed")
    assert "exc_info" not in again
    assert (again["exception"], again["cases"]) == ("ConnectionError: the database\n", 2)
    told.now = 86_400.0
    assert tell("rollup_failed")["exc_info"]
    assert "exc_info" not in tell("evaluation_failed")


def test_another_type_another_cause_and_another_place_is_another_error_in_full(told: Told) -> None:
    errors = [_raised(_away), _raised(_in_two), _raised(_away, KeyError()), _raised(_away, ValueError())]
    assert all(told("error", exc_info=error)["exc_info"] is error for error in errors)


def test_a_library_s_traceback_at_no_level_of_errors_is_bounded_too(told: Told) -> None:
    assert "exc_info" in told("info", exc_info=_raised(_away))
    assert told("info", exc_info=_raised(_away)) is None


def test_what_an_error_says_is_cut_after_its_secrets(told: Told) -> None:
    told("error", "one", exc_info=_raised(_away))
    for before in range(430, 500):
        told.now += 60.0
        line = told("error", "one", exc_info=_raised(lambda before=before: _away("x" * before + SECRET)))  # type: ignore[misc]
        assert SECRET[:14] not in line.get("exception", "")


def test_an_error_that_was_never_raised_is_told(told: Told) -> None:
    assert told("error", exc_info=ValueError("x")) is not None
