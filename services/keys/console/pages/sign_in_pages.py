"""Pages that sign in and out: a link's button, what to do without one, and a person's active sessions."""

import falcon

from services.keys.console.pages.page import FormNotOurs, Page
from services.keys.console.rendering.form import read_form
from services.keys.console.rendering.pages import answer
from services.keys.console.sessions.request_origin import is_our_own
from services.keys.console.sessions.tokens import link_digest

HOME = "/console/keys"
LINK = "/console/link"


class SignInPage(Page):
    """How to sign in; and the button of a link, which alone uses it: what previews a link must not use it up."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, link: str | None = None) -> None:
        if link is None and self.visit_or_none(req) is not None:
            resp.status, resp.location = 303, HOME
            return
        resp.set_header("Cache-Control", "no-store")
        good = link if link is not None and link_digest(link) is not None else None
        # Whoever chooses a language here comes back to the link, which the page holds anyway.
        back = None if good is None else f"{LINK}/{good}"
        answer(req, resp, "keys/sign_in.html", back=back, section="", link=good, is_spent=False)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not is_our_own(req, self.parts.public_url):
            raise FormNotOurs
        session_id = self.parts.sign_in.use_link(
            read_form(req).text("link"),
            address=req.context.caller,
            user_agent=req.user_agent or "",
            before=self.cookie.read(req),
        )
        resp.set_header("Cache-Control", "no-store")
        if session_id is None:
            answer(req, resp, "keys/sign_in.html", status=403, section="", link=None, is_spent=True)
            return
        self.cookie.set(resp, session_id)
        resp.status, resp.location = 303, HOME


class SignOut(Page):
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, _ = self.posted(req)
        self.parts.sign_in.end(visit.session.person_id, visit.session.id)
        self.cookie.clear(resp)
        resp.status, resp.location = 303, "/console/sign-in"


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
        resp.status, resp.location = 303, "/console/sessions"
