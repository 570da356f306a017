"""How much a system logs while something is wrong."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BYTES_AN_HOUR_MAX = 1_000_000


@contextmanager
def little_is_logged(errors: Callable[[], str], processes: int = 1) -> Iterator[None]:
    """An hour has every traceback once, of each process, and of all else sixty of the minutes that begin inside."""
    before, since = errors(), time.monotonic()
    yield
    minutes, more = math.ceil((time.monotonic() - since) / 60), errors()[len(before) :]
    tracebacks = Counter(filter(None, map(_traceback, more.splitlines())))
    assert max(tracebacks.values(), default=0) <= processes, tracebacks.most_common(1)
    once = sum(len(traceback.encode()) * count for traceback, count in tracebacks.items())
    an_hour = once + (len(more.encode()) - once) / minutes * 60
    assert an_hour < BYTES_AN_HOUR_MAX, f"{len(more)}, {once} of tracebacks, in {minutes} minutes: {more[-4000:]}"


def _traceback(line: str) -> str:
    """As it stands in the line of a log; "": there is none, or not in a line of ours."""
    if not line.startswith("{") or "Traceback (most recent" not in line:
        return ""
    return json.dumps(json.loads(line)["exception"])
