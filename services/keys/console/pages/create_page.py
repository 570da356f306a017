"""Creation of a key: the form, its review, and the secret, which is in one answer and in no other.

Each form carries a token of its own that is kept in the transaction of the creation: sent again, by a double click,
a reload or a second tab, it says which key it made, and mints none.
"""

from functools import partial
from typing import Any

import falcon

from services.keys.commands.command_inputs import CreatedKey, KeyRequest
from services.keys.console.pages import key_form
from services.keys.console.pages.creation import expiry_choices, prefill
from services.keys.console.pages.creation.prefill import Prefilled
from services.keys.console.pages.key_form import KeyFaulty, Typed
from services.keys.console.pages.network_names import NETWORKS_REFUSED
from services.keys.console.pages.page import NamedKey, Page
from services.keys.console.pages.parts import Visit
from services.keys.lifecycle.key import Status
from services.keys.lifecycle.lifetimes import BeyondLifetime, exceeded_days
from services.keys.lifecycle.organisation import TooManyKeys
from shared.sql.idempotency_table import Keep


class CreatePage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.changer(self.visit(req))
        prefilled = self._prefilled(req, visit)
        self._form(req, resp, visit, prefilled.typed, prefilled=prefilled)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form, is_theirs = self.posted_again(req)
        self.changer(visit)
        typed, step, now = key_form.typed_in(form), form.text("step"), self.parts.clock.now()
        if step == "edit" or not is_theirs:
            self._form(req, resp, visit, typed, attempt=form.attempt, is_again=not is_theirs)
            return
        try:
            wanted = key_form.wanted_key(typed, now, visit.tier_limits())
        except KeyFaulty as fault:
            self._form(req, resp, visit, typed, faults=fault.fields, attempt=form.attempt)
            return
        is_admin = "admin" in wanted.permissions
        if is_admin:
            self.recent(visit)
        if step != "create":
            if exceeded_days(Status.ACTIVE, wanted.expires_at, now, visit.lifetimes()) is not None:
                self._form(req, resp, visit, typed, faults=frozenset({"expiry"}), attempt=form.attempt)
                return
            self._review(req, resp, visit, typed, wanted, form.attempt)
            return
        try:
            done = self.once(req, visit, form, partial(_created, visit, wanted, is_admin), _made_before)
        except TooManyKeys as refusal:
            self._form(req, resp, visit, typed, too_many=refusal, attempt=form.attempt)
            return
        except BeyondLifetime:
            self._form(req, resp, visit, typed, faults=frozenset({"expiry"}), attempt=form.attempt)
            return
        except NETWORKS_REFUSED:
            self._form(req, resp, visit, typed, faults=frozenset({"networks"}), attempt=form.attempt)
            return
        self._done(req, resp, visit, wanted, done)

    def _prefilled(self, req: falcon.Request, visit: Visit) -> Prefilled:
        """Raises NoSuchKey for the settings of a key that is not there."""
        lifetimes = visit.lifetimes()
        expiry, template, like = expiry_choices.first(lifetimes), req.get_param("template"), req.get_param("like")
        if template in set(prefill.Template):
            return prefill.of_template(prefill.Template(template), expiry, self.parts.clock.now())
        if like:
            return prefill.like(self.parts.queries.get_key(visit.organisation_id, like), expiry)
        return prefill.of_link(req.params, expiry)

    def _form(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        typed: Typed,
        *,
        attempt: str = "",
        prefilled: Prefilled | None = None,
        faults: frozenset[str] = frozenset(),
        too_many: TooManyKeys | None = None,
        is_again: bool = False,
    ) -> None:
        self.show(
            req,
            resp,
            visit,
            "keys/create.html",
            status=422 if faults else 409 if too_many else 200,
            typed=key_form.redacted(typed),
            attempt=attempt,
            prefilled=prefilled,
            templates=tuple(prefill.Template),
            faults=faults,
            too_many=too_many,
            is_again=is_again,
            limits=visit.tier_limits(),
            days=expiry_choices.choices(visit.lifetimes(), [typed.expiry]),
            latest=expiry_choices.latest(self.parts.clock.now(), visit.lifetimes()),
            network_names=visit.network_names(),
            address=visit.address,
        )

    def _review(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        typed: Typed,
        wanted: KeyRequest,
        attempt: str,
    ) -> None:
        context: dict[str, Any] = {"wanted": wanted, "attempt": attempt, "limits": visit.tier_limits()}
        context["network_names"] = {} if wanted.networks is None else visit.network_names()
        # What is not used is not judged either, and may be anything.
        self.show(req, resp, visit, "keys/review.html", typed=key_form.redacted(typed), **context)

    def _done(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, wanted: KeyRequest, done: CreatedKey | str
    ) -> None:
        if isinstance(done, str):
            key = self.parts.queries.get_key(visit.organisation_id, done)
            self.show(req, resp, visit, "keys/made_before.html", status=409, key=key)
            return
        named = NamedKey(id=done.key_id, name=wanted.description.name, permissions=wanted.permissions)
        self.show_secret(req, resp, visit, named, done.secret, done.receipt, is_new=True)


def _created(visit: Visit, wanted: KeyRequest, is_admin: bool, keep: Keep) -> CreatedKey | str:
    commands = visit.commands(recent=is_admin, keep=keep)
    return commands.create(visit.organisation_id, wanted, visit.origin)


def _made_before(key_id: str) -> CreatedKey | str:
    return key_id
