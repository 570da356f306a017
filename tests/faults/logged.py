"""How much a system logs while something is wrong."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BYTES_AN_HOUR_MAX = 1_000_000


@contextmanager
def little_is_logged(errors: Callable[[], str]) -> Iterator[None]:
    """What repeats itself is logged once a minute: an hour has as much as sixty of the minutes that begin inside."""
    before, since = errors(), time.monotonic()
    yield
    minutes, more = math.ceil((time.monotonic() - since) / 60), errors()[len(before) :]
    assert len(more.encode()) / minutes * 60 < BYTES_AN_HOUR_MAX, f"{len(more)} in {minutes} minutes: {more[-4000:]}"
