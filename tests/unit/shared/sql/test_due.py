"""What waits by the wall clock is due when its time has come, and where it would wait for longer than anything does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, literal, select

from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.sql.clocks.due import is_due
from shared.values.timestamps import rfc3339, to_microseconds
from tests.examples import NOON

SECOND, LONGEST, TOLERANCE = timedelta(seconds=1), timedelta(minutes=5), timedelta(seconds=TOLERANCE_SECONDS)


@pytest.mark.parametrize("written", [to_microseconds, rfc3339])
@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        (-SECOND, True),
        (timedelta(), True),
        (SECOND, False),
        (LONGEST + TOLERANCE, False),  # of a machine whose clock is ahead, and not in doubt
        (LONGEST + TOLERANCE + SECOND, True),
    ],
)
def test_it_is_due_unless_it_waits_for_as_long_as_something_may(
    waits: timedelta, expected: bool, written: Callable[[datetime], int | str]
) -> None:
    with create_engine("sqlite://").connect() as connection:
        found = connection.execute(select(is_due(literal(written(NOON + waits)), NOON, LONGEST, written))).scalar_one()
    assert bool(found) is expected
