"""Times of evenly spaced samples: from an index to nanoseconds since 1970 and back, exact to the nanosecond. Pure."""

from math import ceil

NS = 1_000_000_000
HOUR_NS = 3600 * NS


def time_ns(start_ns: int, rate_hz: float, index: int) -> int:
    return start_ns + round(index * NS / rate_hz)


def index_at(start_ns: int, rate_hz: float, count: int, at_ns: int) -> int:
    """Of the first of `count` samples at or after `at_ns`; `count` when all are before it."""
    index = min(max(ceil((at_ns - start_ns) * rate_hz / NS), 0), count)
    # It may be off by one, for sample times are rounded to whole nanoseconds.
    while index > 0 and time_ns(start_ns, rate_hz, index - 1) >= at_ns:
        index -= 1
    while index < count and time_ns(start_ns, rate_hz, index) < at_ns:
        index += 1
    return index


def half_interval_ns(rate_hz: float) -> int:
    """Rounded up: a time within it belongs to one sample, not to its neighbour."""
    return ceil(NS / rate_hz / 2)
