"""Revocation of many keys at once: what it would do is shown first, from the URL alone; then one receipt for all."""

from collections.abc import Iterable

import falcon
from marshmallow import ValidationError

from services.keys.commands.command_inputs import MADE_IN_A_DAY, Revocation
from services.keys.console.pages.key_usage import UsageAway
from services.keys.console.pages.listing.list_query import PATH
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.console.rendering.form import Form
from services.keys.http.schemas.request_bodies import GiveUpBody, GiveUpSchema
from services.keys.lifecycle.key import Reason, Status
from services.keys.lifecycle.lock_out import LockOut
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView
from shared.sql.idempotency_table import Keep

BULK_PATH = f"{PATH}/revoke"
KEYS_MAX = 100


class RevokeManyPage(Page):
    """`?key=ID&key=ID`: as the list's form sends the keys that were chosen."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.changer(self.visit(req))
        self._ask(req, resp, visit, Form([("key", key_id) for key_id in req.get_param_as_list("key") or ()]))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form, is_theirs = self.posted_again(req)
        self.changer(visit)
        if not is_theirs:
            self._ask(req, resp, visit, form, is_again=True)
            return
        try:
            given = {"reason": form.text("reason") or Reason.UNSPECIFIED, "note": form.text("note")}
            body: GiveUpBody = GiveUpSchema().load(given)
        except ValidationError:
            self._ask(req, resp, visit, form, status=422, fault="note")
            return
        keys = self._keys(visit, form)
        ids, ending = tuple(key.id for key in keys), _ending(keys)
        if not ids:
            self._ask(req, resp, visit, form, status=422)
            return
        commands, note = self.parts.commands, form.text("note").strip() or None

        def change(keep: Keep) -> Revocation:
            asked = visit.commands(forces="force" in form, keep=keep)
            return asked.revoke_all(visit.organisation_id, ids, body.reason, note, visit.origin)

        def repeat(subject: str) -> Revocation:
            made = commands.revoker.told(tuple(subject.split()), MADE_IN_A_DAY)
            return Revocation(receipt=commands.receipts.certain(), made=made)

        try:
            revoked = self.once(req, visit, form, change, repeat)
        except LockOut as refusal:
            self._ask(req, resp, visit, form, status=409, loss=refusal.loss.name)
            return
        self.show_receipt(
            req,
            resp,
            visit,
            "keys/revoked_many.html",
            revoked.receipt,
            count=len(ending) or len(ids),  # sent again, all have ended
            keys=self.still_there(visit, ids),
            made=self.still_there(visit, revoked.made.ids),
            made_ids=revoked.made.ids,
            is_complete=revoked.made.is_complete,
        )

    def _keys(self, visit: Visit, form: Form) -> tuple[KeyView, ...]:
        """Of those chosen the ones that are there; a key that was deleted meanwhile needs no end."""
        chosen = tuple(dict.fromkeys(form.all("key")))[:KEYS_MAX]
        return self.parts.queries.all_keys(visit.organisation_id, KeyFilter(ids=chosen))

    def _ask(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        form: Form,
        *,
        status: int = 200,
        fault: str | None = None,
        loss: str | None = None,
        is_again: bool = False,
    ) -> None:
        keys = self._keys(visit, form)
        ending = _ending(keys)
        if loss is None and ending and self.parts.queries.would_lock_out(visit.organisation_id, ending):
            loss = "LAST_ADMIN_KEY"
        last_hour: dict[str, int] | None = None
        if self.parts.usage is not None and keys:
            try:
                days = self.parts.usage.last_day(visit.organisation_id, tuple(key.id for key in keys))
                last_hour = {key_id: day.in_last_hour for key_id, day in days.by_key.items()}
            except UsageAway:
                last_hour = None
        self.show(
            req,
            resp,
            visit,
            "keys/revoke_many.html",
            status=status,
            keys=keys,
            ending=len(ending),
            last_hour=last_hour,
            form=form.redacted(),
            attempt=form.attempt,
            is_again=is_again,
            fault=fault,
            loss=loss,
        )


def _ending(keys: Iterable[KeyView]) -> tuple[str, ...]:
    """Of those that a revocation would end now, the ids."""
    return tuple(key.id for key in keys if key.status is not Status.REVOKED)
