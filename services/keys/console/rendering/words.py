"""Filters of templates: times and numbers as the reader's language writes them; code between backquotes.

Times are in the reader's zone, with UTC as the title; where no zone is known in UTC, and their machine's form stands in
the page, from which the script shows the browser's.
"""

import re
import zoneinfo
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment
from markupsafe import Markup, escape

from services.keys.console.rendering.browser_names import browser_name


@dataclass
class PageTimes:
    """Of a page that is being rendered. `zone`: in which its times are; "": UTC. `are_shown`: it has some by now."""

    zone: str = ""
    are_shown: bool = False


# Macros that a template imports have no context of their own.
TIMES: ContextVar[PageTimes] = ContextVar("times")
_MOMENT = "d MMM y, HH:mm"
_WRITTEN_MAX = 4096
_CODE = re.compile("`([^`]*)`")


def add_to(environment: Environment, language: str) -> None:
    locale = Locale.parse(language)  # once: Babel would look it up for each word

    def zone() -> str:
        """Of a time that is shown now."""
        TIMES.get().are_shown = True
        return TIMES.get().zone

    def moment(time: datetime) -> Markup:
        return written(time, zone())

    @lru_cache(maxsize=_WRITTEN_MAX)  # a list that is polled shows the same times again and again
    def written(time: datetime, name: str) -> Markup:
        utc = time.astimezone(UTC)
        machine, text = utc.strftime("%Y-%m-%dT%H:%M:%SZ"), format_datetime(utc, _MOMENT, locale=locale)
        if not name:
            return Markup('<time datetime="{}">{} UTC</time>').format(machine, text)
        local = format_datetime(utc.astimezone(zoneinfo.ZoneInfo(name)), _MOMENT, locale=locale)
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(machine, text, local)

    def bar_start(time: datetime, step: str) -> str:
        """Where a bar of a chart begins. `step`: minute, hour or day; days are those of UTC."""
        if step == "day":
            return day(time.astimezone(UTC))
        return bar_start_in(time, zone())

    @lru_cache(maxsize=_WRITTEN_MAX)
    def bar_start_in(time: datetime, name: str) -> str:
        local = format_datetime(time.astimezone(zoneinfo.ZoneInfo(name or "UTC")), "d MMM, HH:mm", locale=locale)
        return local if name else f"{local} UTC"

    @lru_cache(maxsize=_WRITTEN_MAX)
    def day(value: date) -> str:
        return format_date(value, "d MMM y", locale=locale)

    @lru_cache(maxsize=_WRITTEN_MAX)  # the same small ones fill a page's tables
    def number(value: float) -> str:
        return format_decimal(value, locale=locale)

    environment.filters |= {"moment": moment, "bar_start": bar_start, "day": day, "number": number, "code": code}
    environment.filters["browser"] = browser_name
    environment.globals["has_times"] = lambda: TIMES.get().are_shown


def code(text: str) -> Markup:
    """What stands between `backquotes` as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(str(text)))))  # noqa: S704  escaped
