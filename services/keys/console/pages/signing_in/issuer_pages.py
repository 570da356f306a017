"""Pages that sign in by an issuer: a link leads there, and the issuer sends the browser back here.

A link and no form: browsers apply the policy's `form-action` to where a form's answer leads.
"""

from typing import Any

import falcon

from services.keys.console.openid.issuer_sign_in import IssuerRefused, IssuerSignIn, Refusal
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Parts
from services.keys.console.pages.signing_in.sign_in_pages import HOME, show_sign_in
from services.keys.console.sessions.cookie import pending_cookie
from services.keys.lifecycle.organisation import NoSuchOrganisation

_STATUS = {Refusal.AWAY: 503, Refusal.NOT_BEGUN: 400}


class _IssuerPage(Page):
    def __init__(self, parts: Parts, issuer: IssuerSignIn) -> None:
        super().__init__(parts)
        self.issuer, self.pending = issuer, pending_cookie(parts.public_url)

    def refused(self, req: falcon.Request, resp: falcon.Response, refused: IssuerRefused) -> None:
        told: dict[str, Any] = {"refusal": refused.refusal.value, "claims": refused.claims}
        show_sign_in(req, resp, self.parts, status=_STATUS.get(refused.refusal, 403), **told)


class IssuerBegin(_IssuerPage):
    """Leads to the issuer. `?again`: who is known there by a cookie is asked for the password all the same."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", "no-store")
        if req.get_header("Sec-Fetch-Mode") not in (None, "navigate"):
            # A picture or a script of some page: no person will be sent back.
            resp.status = 403
            return
        try:
            address, browser = self.issuer.begin(
                self.pending.read(req), req.context.caller, is_again="again" in req.params
            )
        except IssuerRefused as refused:
            self.refused(req, resp, refused)
            return
        self.pending.set(resp, browser)
        resp.status, resp.location = 303, address


class IssuerCallback(_IssuerPage):
    """Where the issuer sends the browser back to, with a code that is good once."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", "no-store")
        try:
            session_id = self._session(req)
        except IssuerRefused as refused:
            self.refused(req, resp, refused)
            return
        self.cookie.set(resp, session_id)
        resp.status, resp.location = 303, HOME

    def _session(self, req: falcon.Request) -> str:
        """Raises IssuerRefused."""
        sign_in, issuer = self.parts.sign_in, self.issuer
        try:
            proved = issuer.finish(req.params, self.pending.read(req))
            return sign_in.use_identity(
                proved.identity,
                proved.authenticated_at,
                address=req.context.caller,
                user_agent=req.user_agent or "",
                before=self.cookie.read(req),
            )
        except NoSuchOrganisation:
            sign_in.refuse(issuer.issuer, proved.identity.subject)
            raise IssuerRefused(Refusal.NOT_MAPPED, (issuer.organisation_claim,)) from None
        except IssuerRefused as refused:
            if refused.subject is not None:
                sign_in.refuse(issuer.issuer, refused.subject)
            raise
