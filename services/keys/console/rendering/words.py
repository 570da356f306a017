"""Filters of templates: times and numbers as the reader's language writes them, times in UTC; code between backquotes.

A time keeps its machine's form in the page, from which the script shows the reader's own zone.
"""

import re
from datetime import UTC, date, datetime

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment
from markupsafe import Markup, escape

_CODE = re.compile("`([^`]*)`")


def add_to(environment: Environment, language: str) -> None:
    def moment(time: datetime) -> Markup:
        utc = time.astimezone(UTC)
        text = format_datetime(utc, "d MMM y, HH:mm", locale=language)
        return Markup('<time datetime="{}">{} UTC</time>').format(utc.strftime("%Y-%m-%dT%H:%M:%SZ"), text)

    def bar_start(time: datetime, step: str) -> str:
        """Where a bar of a chart begins. `step`: minute, hour or day."""
        utc = time.astimezone(UTC)
        return day(utc) if step == "day" else format_datetime(utc, "d MMM, HH:mm", locale=language) + " UTC"

    def day(value: date) -> str:
        return format_date(value, "d MMM y", locale=language)

    def number(value: float) -> str:
        return format_decimal(value, locale=language)

    environment.filters |= {"moment": moment, "bar_start": bar_start, "day": day, "number": number, "code": code}


def code(text: str) -> Markup:
    """What stands between `backquotes` as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(str(text)))))  # noqa: S704  escaped
