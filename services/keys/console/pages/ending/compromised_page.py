"""What to do about a key that leaked, as one page: end it and what it made, replace it, see what it did, tell whom.

Where somebody stands is in the URL and in the log of keys alone, so that anybody can go on at any time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import falcon
from sqlalchemy.exc import SQLAlchemyError

from services.keys.commands.command_inputs import Made, MadeQuery
from services.keys.console.pages.details.activity_query import as_moment
from services.keys.console.pages.ending.what_will_fail import sources_of
from services.keys.console.pages.key_usage import Wanted
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.console.rendering.form import Form
from services.keys.lifecycle.key import NoSuchKey, Reason
from services.keys.lifecycle.lock_out import LockOut, Loss
from services.keys.revocation.propagation import Receipt
from services.keys.views.history import HistoryRange
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView
from shared.sql.database import DatabaseBusy

_BEFORE = timedelta(days=1)
_READ, _SHOWN = 100, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a revocation has told. `loss`: what stands in its way."""

    receipt: Receipt | None = None
    loss: Loss | None = None


class CompromisedPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.changer(self.visit(req))
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        self._walk(req, resp, visit, key, req.get_param("since") or "")

    def on_post(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, form, is_theirs = self.posted_again(req)
        key = self.parts.queries.get_key(self.changer(visit).organisation_id, key_id)
        told = self._revoke(visit, key, form) if is_theirs else _Told()
        try:
            present = self.parts.queries.get_key(visit.organisation_id, key_id) if is_theirs else key
            self._walk(req, resp, visit, present, form.text("since"), told)
        except (NoSuchKey, SQLAlchemyError, DatabaseBusy):
            if told.receipt is None:
                raise
            # It was deleted since, or cannot be read just now; what was committed is told all the same.
            nothing: dict[str, Any] = {"made": (), "made_ids": (), "is_complete": True}
            self.show_receipt(req, resp, visit, "keys/revoked.html", told.receipt, key=key, **nothing)

    def _revoke(self, visit: Visit, key: KeyView, form: Form) -> _Told:
        commands = visit.commands(forces="force" in form)
        made = MadeQuery(since=self._since(key, form.text("since"))[0], revoke="also_made" in form)
        try:
            revoked = commands.revoke(
                visit.organisation_id, key.id, Reason.KEY_COMPROMISE, None, visit.origin, made=made
            )
        except LockOut as refusal:
            return _Told(loss=refusal.loss)
        return _Told(receipt=revoked.receipt)

    def _walk(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: KeyView,
        asked: str,
        told: _Told | None = None,
    ) -> None:
        told = told or _Told()
        since, is_understood = self._since(key, asked)
        loss = told.loss
        if loss is None and key.revoked_at is None and self.parts.lock_outs.is_last_admin_key(key):
            loss = Loss.LAST_ADMIN_KEY
        made = self.parts.commands.revoker.told((key.id,), MadeQuery(since=since))
        history = self.parts.history.of_key(visit.organisation_id, key.id, HistoryRange(start=since))
        usage = self.parts.asked_usage()
        wanted = Wanted(start=since)
        page = usage.part(lambda each: each.activity(visit.organisation_id, key.id, _READ, wanted))
        channels = usage.part(lambda each: each.channels(visit.organisation_id))
        changers = tuple(dict.fromkeys(entry.actor for entry in history))
        self.show_receipt(
            req,
            resp,
            visit,
            "keys/compromised.html",
            told.receipt,
            status=409 if told.loss else 200,
            key=key,
            since=since,
            since_fault=not is_understood,
            loss=None if loss is None else loss.name,
            made=self._made(visit, made),
            is_all_made=made.is_complete and len(made.ids) <= _SHOWN,
            renewed=made.renewed,
            replacements=self._replacements(visit, key, since),
            sources=None if page is None else sources_of(page),
            is_sample=page is not None and page.next is not None,
            channels=channels,
            changers=changers,
            names=visit.names({key.created_by, *changers}),
        )

    def _since(self, key: KeyView, text: str) -> tuple[datetime, bool]:
        """(since when it may have been in wrong hands; whether `text` can be read). Else, a day before its end."""
        now = self.parts.clock.now()
        otherwise = max(min(key.revoked_at or now, now) - _BEFORE, key.created_at)
        if not text:
            return otherwise, True
        try:
            moment = as_moment(text)
        except ValueError:
            return otherwise, False
        return (moment, True) if moment <= now else (otherwise, False)

    def _made(self, visit: Visit, made: Made) -> tuple[KeyView, ...]:
        wanted = KeyFilter(ids=made.ids[:_SHOWN])
        return self.parts.queries.list_keys(visit.organisation_id, _SHOWN, wanted=wanted).keys if made.ids else ()

    def _replacements(self, visit: Visit, key: KeyView, since: datetime) -> tuple[KeyView, ...]:
        """Keys of the same name that were made since then."""
        found = self.parts.queries.list_keys(visit.organisation_id, _SHOWN, wanted=KeyFilter(text=key.name)).keys
        return tuple(each for each in found if each.id != key.id and each.name == key.name and each.created_at >= since)
