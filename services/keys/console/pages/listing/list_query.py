"""What the list's URL asks for: the API's own filters and order, and those that only people need."""

import dataclasses
import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import falcon
from marshmallow import ValidationError, fields, validate

from services.keys.console.pages.listing.badges import EXPIRING, UNUSED
from services.keys.http.schemas.request_queries import ListQuery, ListQuerySchema
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.listing.key_order import NEWEST_FIRST, Place
from shared.values.permissions import PERMISSIONS
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import plain_text

PATH = "/console/keys"
ROWS = 20
LEFT = "left"
_LEFT_AFTER = timedelta(days=90)
_NAMES = ("q", "status", "label", "permission", "network_id", "show", "by")


class Show(enum.StrEnum):
    """Keys that somebody should look at."""

    NEVER_USED = "never-used"
    UNUSED = "unused"
    EXPIRING = "expiring"
    IN_GRACE = "in-grace"
    SENT_IN_URL = "sent-in-url"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyListQuery(ListQuery):
    """`by`: the id of who made them, or LEFT: people who no longer sign in."""

    permission: str = ""
    show: str = ""
    by: str = ""

    def wanted_at(self, now: datetime) -> KeyFilter:
        return dataclasses.replace(
            self.wanted(),
            permission=self.permission or None,
            is_never_used=self.show == Show.NEVER_USED,
            unused_since=now - UNUSED if self.show == Show.UNUSED else None,
            expires_before=now + EXPIRING if self.show == Show.EXPIRING else None,
            is_in_grace=self.show == Show.IN_GRACE,
            is_sent_in_query=self.show == Show.SENT_IN_URL,
            created_by=self.by if self.by not in ("", LEFT) else None,
            left_since=now - _LEFT_AFTER if self.by == LEFT else None,
        )

    @property
    def is_filtered(self) -> bool:
        return any(getattr(self, name) for name in _NAMES)

    def address(self, path: str = PATH, **different: Any) -> str:
        """The URL of the list, or of a part of it, with this query, on its first page unless told."""
        wanted = dataclasses.replace(self, **{"cursor": None, **different})
        pairs = [(name, getattr(wanted, name)) for name in (*_NAMES, "sort", "cursor") if name != "label"]
        pairs += [("label", label) for label in wanted.label]
        given = [(name, value) for name, value in pairs if value and (name, value) != ("sort", NEWEST_FIRST)]
        return f"{path}?{urlencode(given)}" if given else path

    def sorted_by(self, name: str) -> tuple[str, str]:
        """(the URL sorted by that column, or the other way round; how it is now: "", "ascending", "descending")."""
        if self.sort == name:
            return self.address(sort=f"-{name}"), "ascending"
        return self.address(sort=name), "descending" if self.sort == f"-{name}" else ""


class _KeyListQuerySchema(ListQuerySchema):
    shape = KeyListQuery
    permission = fields.String(validate=validate.OneOf(PERMISSIONS))
    show = fields.String(validate=validate.OneOf(list(Show)))
    by = fields.String(validate=[validate.Length(max=64), plain_text])


_SCHEMA = _KeyListQuerySchema()


def asked(req: falcon.Request) -> tuple[KeyListQuery, Place | None]:
    """What the URL asks for, as the API reads it; what it does not understand is left out, and the list begins anew."""
    given: dict[str, Any] = {name: value for name in (*_NAMES, "sort", "cursor") if (value := req.get_param(name))}
    if "label" in given:
        given["label"] = [given["label"]]
    while True:
        try:
            query: KeyListQuery = _SCHEMA.load({"limit": ROWS, **given})
            place = query.after(str, str, str)
            return query, None if place is None else Place(*place)
        except ValidationError as error:
            given = {name: value for name, value in given.items() if name not in error.messages_dict}
        except Problem:
            del given["cursor"]
