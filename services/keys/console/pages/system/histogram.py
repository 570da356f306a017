"""Quantiles of Prometheus's histograms, as `histogram_quantile` estimates them. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Milliseconds; None: nothing was measured, or it lies beyond the last bound."""

    count: int
    p50_ms: float | None
    p99_ms: float | None


def quantiles(buckets: Mapping[float, float]) -> Quantiles:
    """`buckets`: upper bound in seconds → how many lie at or below it, infinity's too."""
    count = buckets.get(math.inf, 0.0)
    return Quantiles(count=round(count), p50_ms=_quantile_ms(buckets, 0.5), p99_ms=_quantile_ms(buckets, 0.99))


def _quantile_ms(buckets: Mapping[float, float], part: float) -> float | None:
    """Within a bucket it is taken to lie evenly."""
    rank = part * buckets.get(math.inf, 0.0)
    lower = below = 0.0
    for bound in sorted(buckets):
        counted = buckets[bound]
        if rank > 0 and counted >= rank:
            return None if math.isinf(bound) else 1000 * (lower + (bound - lower) * (rank - below) / (counted - below))
        lower, below = bound, counted
    return None
