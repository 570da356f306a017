"""Quantile sketch of request durations (DDSketch, arXiv:1908.10693): any quantile, 2 % off at most.

A sketch is the number of requests in each bucket of a logarithmic scale. Two are merged by adding, so the order in
which requests come makes no difference: a rebuild gives the same bytes.
"""

import functools
from collections.abc import Mapping

import msgspec
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.store import DenseStore

RELATIVE_ERROR = 0.02  # for ever: stored sketches are in these buckets
_MAPPING = LogarithmicMapping(RELATIVE_ERROR)


@functools.lru_cache(maxsize=2**16)
def bucket(duration_us: int) -> int:
    """The number of a duration's bucket; durations below a microsecond share one."""
    number: int = _MAPPING.key(max(1, duration_us))
    return number


def to_bytes(buckets: Mapping[int, int]) -> bytes:
    return msgspec.msgpack.encode(dict(sorted(buckets.items())))


def from_bytes(sketch: bytes) -> dict[int, int]:
    return msgspec.msgpack.decode(sketch, type=dict[int, int])


def quantile_ms(buckets: Mapping[int, int], fraction: float) -> float | None:
    """A quantile in milliseconds; `fraction` such as 0.95. None when there was no request."""
    store = DenseStore()
    for number, requests in buckets.items():
        store.add(number, requests)
    sketch = BaseDDSketch(mapping=_MAPPING, store=store, negative_store=DenseStore(), zero_count=0.0)
    microseconds: float | None = sketch.get_quantile_value(fraction)
    return None if microseconds is None else round(microseconds / 1000, 3)
