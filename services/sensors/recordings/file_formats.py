"""Formats in which recordings are given out: media type, ending of file names, and the longest range of one answer."""

import enum
from dataclasses import dataclass
from datetime import timedelta

from shared.web.operation import JSON


class Format(enum.StrEnum):
    JSON = "json"
    CSV = "csv"
    MINISEED = "miniseed"
    SAC = "sac"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFacts:
    """`is_thinned`: `max_points` means something in it."""

    media_type: str
    content_type: str
    ending: str
    range_max: timedelta
    is_thinned: bool = False


# What is built in memory as a whole has a shorter range than what is read hour by hour.
FACTS = {
    Format.JSON: FormatFacts(
        media_type=JSON, content_type=JSON, ending="json", range_max=timedelta(hours=1), is_thinned=True
    ),
    Format.CSV: FormatFacts(
        media_type="text/csv", content_type="text/csv; charset=utf-8", ending="csv", range_max=timedelta(hours=6)
    ),
    Format.MINISEED: FormatFacts(
        media_type="application/vnd.fdsn.mseed",
        content_type="application/vnd.fdsn.mseed",
        ending="mseed",
        range_max=timedelta(hours=24),
    ),
    Format.SAC: FormatFacts(
        media_type="application/x-sac", content_type="application/x-sac", ending="sac", range_max=timedelta(hours=6)
    ),
}
FORMATS = {facts.media_type: format_ for format_, facts in FACTS.items()}
"""By media type."""
