"""Prefilled form of a new key: by a template of ours, by another key's settings, or by a link from outside.

Nothing of it is done before a person sends the form; what a link from outside asked for is named in it.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.keys.console.pages.key_form import ON_DATE, Typed, typed_of
from services.keys.views.queries import KeyView
from shared.values.permissions import ALIASES, PERMISSIONS

_DAY_SECONDS = 86_400
_DAYS_MAX = 3650
_DOWNLOAD_DAYS = 7
_SEPARATED = re.compile(r"[\s,;]+")
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)


class Template(enum.StrEnum):
    DASHBOARD = "dashboard"
    ALERTS = "alerts"
    DOWNLOAD = "download"
    CONFIGURE = "configure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefilled:
    """`named`: the fields that a link from outside filled in. `unknown`: what it asked for and is no permission.
    `other_expiry`: seconds that it asked for and the form does not offer.

    `template`, `like`: what else filled it in.
    """

    typed: Typed
    named: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    other_expiry: str = ""
    template: Template | None = None
    like: KeyView | None = None


def of_template(template: Template, expiry: str, now: datetime) -> Prefilled:
    """`expiry`: the one that is chosen at first."""
    typed = Typed(permissions=_PERMISSIONS[template], expiry=expiry)
    if template is Template.DOWNLOAD:
        last_day = (now.astimezone(UTC) + timedelta(days=_DOWNLOAD_DAYS)).date()
        typed = typed.with_(expiry=ON_DATE, expires_on=last_day.isoformat())
    return Prefilled(typed=typed, template=template)


def like(key: KeyView, expiry: str) -> Prefilled:
    """A key with the same settings, but for its expiry."""
    return Prefilled(typed=typed_of(key).with_(expiry=expiry), like=key)


def of_link(asked: Mapping[str, Any], expiry: str) -> Prefilled:
    """Of `?name=&permissions=&expires_in=`; what is not understood is left out, and named."""
    texts = {name: value for name, value in asked.items() if isinstance(value, str)}
    found: dict[str, Any] = {}
    if name := texts.get("name", "").strip()[:100]:
        found["name"] = name
    given = {ALIASES.get(each, each) for each in _SEPARATED.split(texts.get("permissions", "")) if each}
    if permissions := tuple(name for name in PERMISSIONS if name in given):
        found["permissions"] = permissions
    seconds = texts.get("expires_in", "")
    days, rest = divmod(int(seconds), _DAY_SECONDS) if _WHOLE.fullmatch(seconds) else (0, 0)
    if 0 < days <= _DAYS_MAX and not rest:
        found["expiry"] = str(days)
    unknown = tuple(sorted(each[:40] for each in given - set(PERMISSIONS)))[:10]
    other_expiry = "" if "expiry" in found else seconds.strip()[:40]
    typed = Typed(**({"expiry": expiry} | found))
    return Prefilled(typed=typed, named=tuple(found), unknown=unknown, other_expiry=other_expiry)


_PERMISSIONS = {
    Template.DASHBOARD: ("sensors:read",),
    Template.ALERTS: ("events:read",),
    Template.DOWNLOAD: ("sensors:read",),
    Template.CONFIGURE: ("sensors:read", "config:write"),
}
