"""The last minute of a channel as a picture shows it: the lowest and highest sample of each column. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.sensors.store.even_times import NS
from services.sensors.store.waveform import Segment
from shared.values.timestamps import from_nanoseconds

SECONDS, COLUMNS_MAX = 60, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """`lows`, `highs`: by column, oldest first; None: no sample there. `ends_at`: the last sample's time."""

    channel: str
    ends_at: datetime
    lows: Sequence[float | None]
    highs: Sequence[float | None]


def minute(segments: Iterable[Segment], end_ns: int) -> Minute | None:
    """Of one channel's samples in the SECONDS up to `end_ns`. None: there are none.

    No column is narrower than a sample.
    """
    found = list(segments)
    if not found:
        return None
    rate_hz = min(segment.sample_rate_hz for segment in found)
    columns = max(1, min(COLUMNS_MAX, math.floor(SECONDS * rate_hz)))
    lows, highs = np.full(columns, np.inf), np.full(columns, -np.inf)
    start_ns, width_ns = end_ns - SECONDS * NS, SECONDS * NS / columns
    for segment in found:
        since_ns = segment.start_ns - start_ns + np.arange(segment.samples.size) * (NS / segment.sample_rate_hz)
        column = np.clip(since_ns / width_ns, 0, columns - 1).astype(np.int64)
        np.minimum.at(lows, column, segment.samples)
        np.maximum.at(highs, column, segment.samples)
    return Minute(channel=found[0].channel, ends_at=from_nanoseconds(end_ns), lows=_finite(lows), highs=_finite(highs))


def _finite(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
