"""Pages that rotate, suspend, resume, revoke and delete a key: each asks first, and ends on the receipt."""

from datetime import timedelta
from typing import Any, ClassVar

import falcon
from marshmallow import ValidationError

from services.keys.commands.command_inputs import RotatedKey
from services.keys.console.pages.ending.what_will_fail import what_will_fail
from services.keys.console.pages.page import NamedKey, Page
from services.keys.console.pages.parts import Visit
from services.keys.console.rendering.form import Form
from services.keys.http.schemas.request_bodies import GiveUpSchema
from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked
from services.keys.lifecycle.key import Reason
from services.keys.lifecycle.lock_out import LockOut, Loss
from services.keys.lifecycle.organisation import TooManyKeys
from services.keys.revocation.propagation import Receipt
from services.keys.views.queries import KeyView
from shared.sql.idempotency_table import Keep
from shared.values.revision import RevisionDiffers, SeenRevisions

INSTEAD = "instead"
GRACES = {
    "0": timedelta(0),
    "3600": timedelta(hours=1),
    "86400": timedelta(days=1),
    "604800": timedelta(days=7),
    INSTEAD: timedelta(0),
}


class _VerbPage(Page):
    """Asks, by GET or with what stands in the way; then does it. `verb`: also the name of its template."""

    verb: ClassVar[str]
    needs_recent: ClassVar[bool] = False
    ends_access: ClassVar[bool] = True

    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.changer(self.visit(req))
        chosen = [("grace", grace)] if (grace := req.get_param("grace")) in GRACES else []
        self._ask(req, resp, visit, self._key(visit, key_id), Form(chosen))

    def on_post(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, form, is_theirs = self.posted_again(req)
        key = self._key(self.changer(visit), key_id)
        if not is_theirs:
            self._ask(req, resp, visit, key, form, is_again=True)
            return
        if fault := self.fault(key, form):
            self._ask(req, resp, visit, key, form, status=422, fault=fault)
            return
        if self.needs_recent:
            self.recent(visit)
        try:
            self.do(req, resp, visit, form, key)
        except RevisionDiffers as refusal:
            present = self._key(visit, key_id)
            self._ask(req, resp, visit, present, form, status=409, refusal=type(refusal).__name__)
        except (LockOut, KeyIsRevoked, KeyHasExpired, TooManyKeys) as refusal:
            loss = refusal.loss.name if isinstance(refusal, LockOut) else None
            self._ask(req, resp, visit, key, form, status=409, refusal=type(refusal).__name__, loss=loss)

    def fault(self, key: KeyView, form: Form) -> str | None:
        """The field that must be typed otherwise."""
        return None

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        raise NotImplementedError

    def changed(self, req: falcon.Request, resp: falcon.Response, visit: Visit, key: KeyView, receipt: Receipt) -> None:
        self.show_receipt(req, resp, visit, "keys/changed.html", receipt, key=key, verb=self.verb)

    def _key(self, visit: Visit, key_id: str) -> KeyView:
        return self.parts.queries.get_key(visit.organisation_id, key_id)

    def _ask(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: KeyView,
        form: Form,
        *,
        status: int = 200,
        fault: str | None = None,
        refusal: str | None = None,
        loss: str | None = None,
        is_again: bool = False,
    ) -> None:
        failing = None
        if self.ends_access:
            organisation_id, now = visit.organisation_id, self.parts.clock.now()
            failing = self.parts.asked_usage().part(lambda usage: what_will_fail(usage, organisation_id, key.id, now))
            if refusal is None and self.parts.lock_outs.is_last_admin_key(key):
                refusal, loss = LockOut.__name__, Loss.LAST_ADMIN_KEY.name
        self.show(
            req,
            resp,
            visit,
            f"keys/{self.verb}.html",
            status=status,
            failing=failing,
            key=key,
            verb_name=self.verb,
            form=form.redacted(),
            attempt=form.attempt,
            fault=fault,
            refusal=refusal,
            loss=loss,
            is_again=is_again,
        )


class RevokePage(_VerbPage):
    verb = "revoke"

    def fault(self, key: KeyView, form: Form) -> str | None:
        try:
            GiveUpSchema().load({"reason": form.text("reason") or Reason.UNSPECIFIED, "note": form.text("note")})
        except ValidationError:
            return "note"
        return None

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        commands = visit.commands(forces="force" in form)
        reason, note = Reason(form.text("reason") or Reason.UNSPECIFIED), form.text("note").strip() or None
        revoked = commands.revoke(visit.organisation_id, key.id, reason, note, visit.origin)
        made = self.still_there(visit, revoked.made.ids)
        told: dict[str, Any] = {"made_ids": revoked.made.ids, "is_complete": revoked.made.is_complete}
        self.show_receipt(req, resp, visit, "keys/revoked.html", revoked.receipt, key=key, made=made, **told)


class SuspendPage(_VerbPage):
    verb = "suspend"

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        receipt = visit.commands(forces="force" in form).suspend(visit.organisation_id, key.id, visit.origin)
        self.changed(req, resp, visit, key, receipt)


class ResumePage(_VerbPage):
    verb = "resume"
    ends_access = False

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        receipt = visit.commands().resume(visit.organisation_id, key.id, visit.origin)
        self.changed(req, resp, visit, key, receipt)


class DeletePage(_VerbPage):
    """Asks for the key's name, and for a sign-in of the last hour."""

    verb = "delete"
    needs_recent = True

    def fault(self, key: KeyView, form: Form) -> str | None:
        return None if form.text("name").strip() == key.name.strip() else "name"

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        commands = visit.commands(recent=True, forces="force" in form)
        _, receipt = commands.delete(visit.organisation_id, key.id, visit.origin)
        self.show_receipt(req, resp, visit, "keys/deleted.html", receipt, hint=key.hint)


class RotatePage(_VerbPage):
    """With a grace for the secret before, or instead of the newest one alone, whose answer was lost."""

    verb = "rotate"
    ends_access = False

    def fault(self, key: KeyView, form: Form) -> str | None:
        return None if form.text("grace") in GRACES else "grace"

    def do(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, key: KeyView) -> None:
        is_admin = "admin" in key.permissions
        if is_admin:
            self.recent(visit)

        def change(keep: Keep) -> RotatedKey | str:
            # Of this revision alone: another may be an admin key, which needs more.
            seen = SeenRevisions(frozenset({key.revision}))
            commands = visit.commands(recent=is_admin, forces="force" in form, seen=seen, keep=keep)
            return commands.rotate(visit.organisation_id, key.id, grace, visit.origin, instead=is_instead)

        grace, is_instead = GRACES[form.text("grace")], form.text("grace") == INSTEAD
        done = self.once(req, visit, form, change, lambda subject: subject)
        if isinstance(done, str):
            self.show(req, resp, visit, "keys/made_before.html", status=409, key=key)
            return
        ends = [moment for moment in (self.parts.clock.now() + grace, key.expires_at) if moment]
        old_until = key.grace_until if is_instead else min(ends) if grace else None
        named = NamedKey(id=key.id, name=key.name, permissions=key.permissions, grace_until=old_until)
        self.show_secret(req, resp, visit, named, done.secret, done.receipt)
