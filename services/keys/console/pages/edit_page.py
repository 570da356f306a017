"""Edit of a key, on the revision that its form was made from. Of two people the second is told what the first changed.

What a leaked secret must not gain asks for a new secret; what would lock somebody out says so first.
"""

import falcon

from services.keys.commands.command_inputs import EditedKey
from services.keys.console.pages import key_form
from services.keys.console.pages.creation import expiry_choices
from services.keys.console.pages.key_form import KeyFaulty, Merged, Typed
from services.keys.console.pages.network_names import NETWORKS_REFUSED
from services.keys.console.pages.page import NamedKey, Page
from services.keys.console.pages.parts import Visit
from services.keys.console.rendering.form import Form
from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked, RegenerationRequired
from services.keys.lifecycle.lifetimes import BeyondLifetime
from services.keys.lifecycle.lock_out import LockOut
from services.keys.lifecycle.organisation import TooManyKeys
from services.keys.views.queries import KeyView
from shared.sql.idempotency_table import Keep
from shared.values.revision import RevisionDiffers, SeenRevisions
from shared.web.problems.catalogue import Problem

Refusal = RegenerationRequired | LockOut | KeyIsRevoked | KeyHasExpired | TooManyKeys
_REFUSALS = (RegenerationRequired, LockOut, KeyIsRevoked, KeyHasExpired, TooManyKeys)


class EditPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.changer(self.visit(req))
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        self._form(req, resp, visit, key, key_form.typed_of(key))

    def on_post(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, form, is_theirs = self.posted_again(req)
        self.changer(visit)
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        typed, seen = key_form.typed_in(form), _revision(form)
        if seen != key.revision:
            self._other_was_first(req, resp, visit, key, seen, typed)
            return
        if not is_theirs:
            self._form(req, resp, visit, key, typed, is_again=True)
            return
        try:
            done = self._edited(req, visit, form, key, typed)
        except KeyFaulty as fault:
            self._form(req, resp, visit, key, typed, faults=fault.fields)
        except BeyondLifetime:
            self._form(req, resp, visit, key, typed, faults=frozenset({"expiry"}), attempt=form.attempt)
        except NETWORKS_REFUSED:
            self._form(req, resp, visit, key, typed, faults=frozenset({"networks"}), attempt=form.attempt)
        except _REFUSALS as refusal:
            self._form(req, resp, visit, key, typed, refusal=refusal, attempt=form.attempt)
        except RevisionDiffers:
            present = self.parts.queries.get_key(visit.organisation_id, key_id)
            self._other_was_first(req, resp, visit, present, seen, typed)
        else:
            named = NamedKey(id=key_id, name=typed.name.strip(), permissions=typed.permissions)
            self._done(req, resp, visit, named, done)

    def _edited(self, req: falcon.Request, visit: Visit, form: Form, key: KeyView, typed: Typed) -> EditedKey | str:
        regenerates = "regenerate" in form
        body = key_form.changes(key, typed, regenerate=regenerates)
        edit = key_form.wanted_edit(body, self.parts.clock.now(), visit.tier_limits())
        is_admin = regenerates and "admin" in typed.permissions
        if is_admin:
            self.recent(visit)

        def change(keep: Keep | None) -> EditedKey | str:
            seen = SeenRevisions(frozenset({key.revision}))
            commands = visit.commands(recent=is_admin, forces="force" in form, seen=seen, keep=keep)
            try:
                return commands.edit(visit.organisation_id, key.id, edit, visit.origin)
            except Problem as problem:
                raise key_form.fields_of(problem) from None

        return self.once(req, visit, form, change, lambda subject: subject) if regenerates else change(None)

    def _done(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, key: NamedKey, done: EditedKey | str
    ) -> None:
        if isinstance(done, str):
            self.show(req, resp, visit, "keys/made_before.html", status=409, key=key)
        elif done.secret is not None:
            self.show_secret(req, resp, visit, key, done.secret, done.receipt)
        else:
            self.show_receipt(req, resp, visit, "keys/changed.html", done.receipt, key=key, verb="edited")

    def _other_was_first(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, key: KeyView, seen: int, typed: Typed
    ) -> None:
        base = self.parts.as_of.at_revision(visit.organisation_id, key.id, seen).key
        theirs = key_form.typed_of(key)
        merged = key_form.merged(key_form.typed_of(base), theirs, typed)
        # An expiry is kept or set, so it is told by the moment itself.
        moments = ("expires_at",) if base.expires_at != key.expires_at else ()
        self._form(req, resp, visit, key, merged.typed, merged=merged, theirs=theirs, base=base, moments=moments)

    def _form(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: KeyView,
        typed: Typed,
        *,
        attempt: str = "",
        faults: frozenset[str] = frozenset(),
        refusal: Refusal | None = None,
        merged: Merged | None = None,
        theirs: Typed | None = None,
        base: KeyView | None = None,
        moments: tuple[str, ...] = (),
        is_again: bool = False,
    ) -> None:
        lifetimes = visit.lifetimes()
        self.show(
            req,
            resp,
            visit,
            "keys/edit.html",
            status=422 if faults else 409 if refusal or merged else 200,
            key=key,
            typed=key_form.redacted(typed),
            attempt=attempt,
            faults=faults,
            refusal=None if refusal is None else type(refusal).__name__,
            loss=refusal.loss.name if isinstance(refusal, LockOut) else None,
            merged=merged,
            theirs=theirs,
            base=base,
            moments=moments,
            is_again=is_again,
            limits=visit.tier_limits(),
            days=expiry_choices.choices(lifetimes, [typed.expiry], self.parts.clock.now() - key.created_at),
            latest=expiry_choices.latest(key.created_at, lifetimes),
            network_names=visit.network_names(),
            address=visit.address,
        )


def _revision(form: Form) -> int:
    text = form.text("revision")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
