"""traceparent as W3C writes it: what is believed, and that what goes on is of the same trace."""

import pytest

from shared.observability.trace_context import handed_on, taken, trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        (f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
        (f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
        (f"00-{TRACE}-{PARENT}-ff", f"00-{TRACE}-{PARENT}-01"),
        (f"01-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
        (f"cc-{TRACE}-{PARENT}-00-what the future brings", f"00-{TRACE}-{PARENT}-00"),
    ],
)
def test_what_is_well_formed_is_taken(given: str, believed: str) -> None:
    assert taken(given) == believed
    assert taken(believed) == believed


@pytest.mark.parametrize(
    "given",
    [
        None,
        7,
        "",
        TRACE,
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"01-{TRACE}-{PARENT}-01more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
        f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"01-{TRACE}-{PARENT}-01-{'x' * 1000}",
    ],
)
def test_what_is_not_is_as_if_it_had_not_come(given: object) -> None:
    assert taken(given) is None


def test_what_goes_on_is_of_the_same_trace_with_another_parent() -> None:
    came = f"00-{TRACE}-{PARENT}-01"
    first, second = handed_on(came), handed_on(came)
    assert taken(first) == first
    assert trace_id(first) == trace_id(second) == TRACE
    assert len({first, second, came}) == 3
    assert first.endswith("-01")
