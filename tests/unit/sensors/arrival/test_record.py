"""Messages that came again, in one call: which of them came first."""

from dataclasses import replace

import numpy as np

from services.sensors.arrival.record import Record, first_comings


def record(device_ns: int, cloud_ns: int, value: int = 0) -> Record:
    values = np.arange(96, dtype=np.int32).reshape(3, 32) + value
    return Record(device_ns=device_ns, cloud_ns=cloud_ns, rate_hz=31.25, values=values, source="a")


def test_the_same_message_goes_where_it_came_first_and_another_of_that_time_does_not() -> None:
    late, first, other = record(5, 90), record(5, 10), record(5, 20, value=1)
    alone, at_another_rate = record(6, 10), replace(first, rate_hz=50.0)
    assert first_comings([late, first, other, alone, at_another_rate, late]) == [1, 1, 2, 3, 4, 1]


def test_records_of_one_value_an_axis_are_not_told_apart() -> None:
    """A dead channel, of a device that starts at the same date each time: the second start is none come again."""
    first = replace(record(5, 10), values=np.zeros((3, 32), np.int32))
    assert first_comings([first, replace(first, cloud_ns=20)]) == [0, 1]
