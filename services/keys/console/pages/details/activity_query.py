"""Which activity a URL asks for: its filters, and the place that the page before ended at.

What cannot be understood is named, shown again as it was typed, and not filtered by.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import falcon

from services.keys.console.pages.key_usage import Place, Wanted
from shared.observability.redaction import redact

FILTERS = ("status", "route", "address", "request_id", "secret_hint", "from", "to")
_STATUS = re.compile(r"[1-5](xx|[0-9]{2})", re.ASCII)
_PLACE = re.compile(r"([0-9]{1,18})-([01])-([0-9]{1,18})", re.ASCII)
_LENGTH_MAX = {"route": 100, "request_id": 100, "secret_hint": 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityQuery:
    """`texts`: the filters as they were typed. `faults`: those that are not understood."""

    texts: dict[str, str]
    faults: frozenset[str]
    wanted: Wanted
    after: Place | None

    def address(self, path: str, after: Place | None = None) -> str:
        """`path` with the filters that are understood."""
        given = {name: text for name, text in self.texts.items() if text and name not in self.faults}
        if after is not None:
            given["after"] = "-".join(map(str, after))
        return f"{path}?{urlencode(given)}" if given else path


def asked(req: falcon.Request) -> ActivityQuery:
    texts = {name: redact((req.get_param(name) or "").strip()) for name in FILTERS}
    conditions: dict[str, Any] = {}
    faults: set[str] = set()
    for name, text in texts.items():
        if not text:
            continue
        try:
            conditions |= _condition(name, text)
        except ValueError:
            faults.add(name)
    found = _PLACE.fullmatch(req.get_param("after") or "")
    after = (int(found[1]), int(found[2]), int(found[3])) if found else None
    return ActivityQuery(texts=texts, faults=frozenset(faults), wanted=Wanted(**conditions), after=after)


def as_moment(text: str) -> datetime:
    """Of a field for date and time, which is in UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is before the year 1, or after 9999") from None


def _condition(name: str, text: str) -> dict[str, Any]:
    """Raises ValueError."""
    match name:
        case "from" | "to":
            return {"start" if name == "from" else "end": as_moment(text)}
        case "address":
            return {name: str(ipaddress.ip_address(text))}
        case "status" if not _STATUS.fullmatch(text):
            raise ValueError(name)
        case _ if len(text) > _LENGTH_MAX.get(name, len(text)):
            raise ValueError(name)
    return {name: text}
