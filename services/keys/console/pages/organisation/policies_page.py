"""Policies of an organisation: when unused keys expire, the longest lifetime, the one offered first. Edited on the
revision that the form was made from; of two people the second sees field by field what the first changed.
"""

import re
from typing import Any

import falcon
from marshmallow import ValidationError

from services.keys.console.pages.organisation.organisation_page import PATH
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.console.pages.two_edits import TwoEdits, two_edits
from services.keys.console.rendering.form import Form
from services.keys.http.schemas.organisation import EditOrganisationSchema
from services.keys.lifecycle.lock_out import LockOut
from services.keys.lifecycle.organisation import SETTINGS, ChangeSettings, DefaultBeyondMaximum
from services.keys.views.queries import OrganisationView
from shared.observability.redaction import redact
from shared.values.revision import RevisionDiffers, SeenRevisions

_WHOLE = re.compile(r"[0-9]{1,5}", re.ASCII)
Typed = dict[str, str]


class PoliciesPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.changer(self.visit(req))
        self._form(req, resp, visit, _typed_of(self._organisation(visit)))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form, is_theirs = self.posted_again(req)
        present = self._organisation(self.changer(visit))
        typed = {name: redact(form.text(name)).strip() for name in SETTINGS}
        revision = form.text("revision")
        if revision != str(present.revision):
            self._other_was_first(req, resp, visit, form, typed)
            return
        if not is_theirs:
            self._form(req, resp, visit, typed)
            return
        changes, faults = _changes(present, typed)
        if faults:
            self._form(req, resp, visit, typed, faults=faults)
            return
        commands = visit.commands(forces="force" in form, seen=SeenRevisions(frozenset({present.revision})))
        try:
            commands.organisations.change_settings(visit.organisation_id, ChangeSettings(**changes), visit.origin)
        except DefaultBeyondMaximum:
            self._form(req, resp, visit, typed, faults=frozenset({"lifetime_default_days"}))
        except LockOut as refusal:
            self._form(req, resp, visit, typed, loss=refusal.loss.name)
        except RevisionDiffers:
            self._other_was_first(req, resp, visit, form, typed)
        else:
            resp.status, resp.location = 303, f"{PATH}#policies"

    def _organisation(self, visit: Visit) -> OrganisationView:
        return self.parts.queries.organisation(visit.organisation_id)

    def _other_was_first(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, typed: Typed
    ) -> None:
        base = {name: redact(form.text(f"was_{name}")).strip() for name in SETTINGS}
        merged = two_edits(base, _typed_of(self._organisation(visit)), typed)
        self._form(req, resp, visit, merged.typed, merged=merged)

    def _form(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        typed: Typed,
        *,
        faults: frozenset[str] = frozenset(),
        loss: str | None = None,
        merged: TwoEdits | None = None,
    ) -> None:
        present = self._organisation(visit)
        self.show(
            req,
            resp,
            visit,
            "keys/policies.html",
            section="organisation",
            status=422 if faults else 409 if loss or merged else 200,
            present=_typed_of(present),
            revision=present.revision,
            typed=typed,
            faults=faults,
            loss=loss,
            merged=merged,
            settings=SETTINGS,
        )


def _typed_of(organisation: OrganisationView) -> Typed:
    days = {name: getattr(organisation, name) for name in SETTINGS}
    return {name: "" if value is None else str(value) for name, value in days.items()}


def _changes(present: OrganisationView, typed: Typed) -> tuple[dict[str, Any], frozenset[str]]:
    """(what differs, as the API takes it; the fields that it would not take)."""
    before = _typed_of(present)
    unreadable = {name for name, text in typed.items() if text and not _WHOLE.fullmatch(text)}
    differing = {name for name in SETTINGS if typed[name] != before[name]} - unreadable
    document = {name: int(typed[name]) if typed[name] else None for name in differing}
    try:
        EditOrganisationSchema().load(document)
    except ValidationError as error:
        return {}, frozenset(unreadable | set(error.messages_dict))
    return document, frozenset(unreadable)
