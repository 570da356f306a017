"""List of an organisation's keys: searched, filtered, sorted and paged by its URL alone."""

import dataclasses
from typing import Any
from urllib.parse import urlencode

import falcon
from marshmallow import ValidationError

from services.keys.console.pages.page import Page
from services.keys.http.schemas.request_queries import ListQuery, ListQuerySchema
from services.keys.lifecycle.key import Status
from services.keys.views.key_order import NEWEST_FIRST, Place
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem

PATH = "/console/keys"
_ROWS = 20
_NAMES = ("q", "status", "label", "sort", "cursor")


class KeyListPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.visit(req)
        query, place = _asked(req)
        keys = self.parts.queries
        page = keys.list_keys(visit.organisation_id, _ROWS, place, query.wanted(), query.sort)
        cursor = page_answer((), page.next_place, query).body["next_cursor"]
        is_filtered = bool(query.q or query.status or query.label)
        self.show(
            req,
            resp,
            visit,
            "keys/list.html",
            keys=page.keys,
            query=query,
            statuses=tuple(Status),
            is_filtered=is_filtered,
            first=_address(query) if query.cursor else None,
            next=None if cursor is None else _address(query, cursor=cursor),
            sorted_by={name: _sorted(query, name) for name in ("name", "created_at", "last_used_at", "expires_at")},
        )


def _asked(req: falcon.Request) -> tuple[ListQuery, Place | None]:
    """What the URL asks for, as the API reads it; what it does not understand is left out, and the list begins anew."""
    given: dict[str, Any] = {name: value for name in _NAMES if (value := req.get_param(name))}
    if "label" in given:
        given["label"] = [given["label"]]
    while True:
        try:
            query: ListQuery = ListQuerySchema().load({"limit": _ROWS, **given})
            place = query.after(str, str, str)
            return query, None if place is None else Place(*place)
        except ValidationError as error:
            given = {name: value for name, value in given.items() if name not in error.messages_dict}
        except Problem:
            del given["cursor"]


def _address(query: ListQuery, **different: Any) -> str:
    """The list's URL with this query, on its first page unless told."""
    wanted = dataclasses.replace(query, **{"cursor": None, **different})
    pairs = [(name, getattr(wanted, name)) for name in ("q", "status", "sort", "cursor")]
    pairs += [("label", label) for label in wanted.label]
    given = [(name, value) for name, value in pairs if value and (name, value) != ("sort", NEWEST_FIRST)]
    return f"{PATH}?{urlencode(given)}" if given else PATH


def _sorted(query: ListQuery, name: str) -> tuple[str, str]:
    """(the URL sorted by that column, or the other way round; how it is sorted now: "", "ascending", "descending")."""
    if query.sort == name:
        return _address(query, sort=f"-{name}"), "ascending"
    return _address(query, sort=name), "descending" if query.sort == f"-{name}" else ""
