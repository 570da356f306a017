"""Pages that sign in and out: a link's button, what to do without one, and a person's active sessions."""

import falcon

from services.keys.console.pages.page import FormNotOurs, Page
from services.keys.console.pages.parts import Parts, Visit
from services.keys.console.rendering.form import read_form
from services.keys.console.rendering.pages import answer
from services.keys.console.sessions.request_origin import is_our_own
from services.keys.console.sessions.tokens import link_digest

HOME = "/console/keys"
LINK = "/console/link"
SIGN_IN = "/console/sign-in"
SIGNED_OUT = "/console/signed-out"


def show_sign_in(
    req: falcon.Request,
    resp: falcon.Response,
    parts: Parts,
    *,
    status: int = 200,
    link: str | None = None,
    refusal: str | None = None,
    claims: tuple[str, ...] = (),
    signed_out: str | None = None,
) -> None:
    """The ways to sign in. `refusal`: why the last one was none. `signed_out`: where the issuer ends its session."""
    resp.set_header("Cache-Control", "no-store")
    # After a choice of language one comes back to the link, which the page holds anyway; or begins anew.
    back = SIGN_IN if link is None else f"{LINK}/{link}"
    ways = {"link": link, "issuer": None if parts.issuer is None else parts.issuer.host}
    told = {"refusal": refusal, "claims": claims, "signed_out": signed_out}
    answer(req, resp, "keys/sign_in.html", status=status, back=back, section="", **ways, **told)


class SignInPage(Page):
    """How to sign in; and the button of a link, which alone uses it: what previews a link must not use it up."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, link: str | None = None) -> None:
        if link is None and self.visit_or_none(req) is not None:
            resp.status, resp.location = 303, HOME
            return
        is_link = link is not None and link_digest(link) is not None
        show_sign_in(req, resp, self.parts, link=link if is_link else None)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not is_our_own(req, self.parts.public_url):
            raise FormNotOurs
        session_id = self.parts.sign_in.use_link(
            read_form(req).text("link"),
            address=req.context.caller,
            user_agent=req.user_agent or "",
            before=self.cookie.read(req),
        )
        if session_id is None:
            show_sign_in(req, resp, self.parts, status=403, refusal="link")
            return
        resp.set_header("Cache-Control", "no-store")
        self.cookie.set(resp, session_id)
        resp.status, resp.location = 303, HOME


class SignOut(Page):
    """Ends on our own page, which says where to sign out of the issuer, if one signed this person in."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, _ = self.posted(req)
        self.parts.sign_in.end(visit.session.person_id, visit.session.id)
        self.cookie.clear(resp)
        resp.status, resp.location = 303, _signed_out(visit)


class SignedOutPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        issuer = self.parts.issuer
        show_sign_in(req, resp, self.parts, signed_out=None if issuer is None else issuer.sign_out_address())


class SessionsPage(Page):
    """« Sessions actives »: ends one, or all."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.visit(req)
        listed = self.parts.sign_in.sessions_of(visit.session.person_id)
        self.show(req, resp, visit, "keys/sessions.html", section="sessions", sessions=listed)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form = self.posted(req)
        mine, ended = visit.session.person_id, form.text("session")
        if ended == "all":
            self.parts.sign_in.end_all(mine)
        else:
            self.parts.sign_in.end(mine, ended)
        is_out = ended in ("all", visit.session.id)
        resp.status, resp.location = 303, _signed_out(visit) if is_out else "/console/sessions"


def _signed_out(visit: Visit) -> str:
    return SIGNED_OUT if visit.session.by_issuer else SIGN_IN
