"""Polls: parts of an open page, asked for again and again, and answered 304 while nothing has changed (RFC 9110).

A tag is of what a part is made of, and not of its HTML: so it is known before anything is rendered.
"""

import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import Any

import falcon
import msgspec

from services.keys.console.rendering.languages import language_of
from services.keys.console.rendering.time_zones import time_zone_of
from shared.runtime.clock import Clock

KEPT_SECONDS = 5.0  # as often as a page polls
_PARTS_MAX, _TAGS_MAX = 64, 4096
_DIGEST_BYTES = 12
_encode = msgspec.json.Encoder(order="deterministic").encode


class KeptParts:
    """Parts that were rendered a moment ago, by tag: of fifty tabs with one page the first makes it for all.

    Only for parts whose tag is of all that they are made of, but for what may be KEPT_SECONDS late.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, tag: str) -> str | None:
        kept = self._kept.get(tag)
        return kept[1] if kept is not None and self._clock.elapsed_seconds() < kept[0] + KEPT_SECONDS else None

    def keep(self, tag: str, text: str) -> None:
        """`tag`: "" of what must be asked for again: it is not kept."""
        if tag:
            self._kept[tag] = self._clock.elapsed_seconds(), text
        while len(self._kept) > _PARTS_MAX:
            self._kept.popitem(last=False)


class UnchangedTags:
    """Tags as they were at a mark, by what was asked for: while the mark is the same, so is the tag, up to a moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Any, datetime | None, str]] = OrderedDict()

    def get(self, asked: str, mark: Any) -> str | None:
        kept_mark, until, tag = self._kept.get(asked, (None, None, ""))
        is_unchanged = kept_mark == mark and (until is None or self._clock.now() < until)
        return tag if tag and is_unchanged else None

    def keep(self, asked: str, mark: Any, until: datetime | None, tag: str) -> None:
        """`mark`: as it was before the tag's rows were read. `until`: when time alone changes what they show."""
        self._kept[asked] = mark, until, tag
        while len(self._kept) > _TAGS_MAX:
            self._kept.popitem(last=False)


def tag_of(req: falcon.Request, chosen_zone: str, made_of: Any) -> str:
    """Of what is shown in the reader's language and time zone. `made_of`: as for JSON.

    Weak: what compresses on the way may do so.
    """
    shown = language_of(req), time_zone_of(req, chosen_zone), made_of
    digest = hashlib.blake2b(_encode(shown), digest_size=_DIGEST_BYTES).hexdigest()
    return f'W/"{digest}"'


def answers_known(req: falcon.Request, resp: falcon.Response, tag: str) -> bool:
    """Whether who polls has just that; then the answer is 304."""
    if req.get_header("If-None-Match") != tag:
        return False
    resp.status = 304
    resp.set_header("ETag", tag)
    resp.set_header("Cache-Control", "no-store")
    return True
