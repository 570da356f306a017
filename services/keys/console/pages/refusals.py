"""What stands in the way of a page, as pages: signed out, a role that only sees, a form of another session, a fault.

The rest of what fails is a problem of the API's catalogue; nothing of the request is quoted.
"""

from typing import Any

import falcon

from services.keys.console.pages.page import FormNotOurs, MayNotChange, SignedOut, SignInNotRecent
from services.keys.console.rendering.form import kept_form
from services.keys.console.rendering.languages import language_of
from services.keys.console.rendering.pages import answer
from services.keys.lifecycle.key import NoSuchKey
from services.keys.revocation.session_fence import SessionFenced, SessionRefusal
from shared.web.exception_mapping import problem_of
from shared.web.problems.catalogue import worded

_OF_FENCE = {
    SessionRefusal.ENDED: "signed-out",
    SessionRefusal.ROLE: "may-not-change",
    SessionRefusal.NOT_RECENT: "sign-in-not-recent",
}
_SIGN_IN = "/console/sign-in"


class Refusals:
    """Falcon's error handler. `issuer`: by which people sign in; None: by links alone."""

    def __init__(self, issuer: str | None) -> None:
        self._issuer = issuer

    def answer(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
        resp.set_header("Cache-Control", "no-store")
        match error:
            case SignedOut() if req.get_header("HX-Request"):
                resp.status = 401  # of a part of a page, in whose place no other page must come
            case SignedOut() if kept_form(req) is None:
                resp.status, resp.location = 303, _SIGN_IN
            case SignedOut():
                self._refused(req, resp, 403, "signed-out", is_kept=True)
            case SignInNotRecent():
                self._refused(req, resp, 403, "sign-in-not-recent", is_kept=True)
            case SessionFenced():
                is_kept = error.refusal is not SessionRefusal.ROLE
                self._refused(req, resp, 403, _OF_FENCE[error.refusal], is_kept=is_kept)
            case MayNotChange():
                self._refused(req, resp, 403, "may-not-change")
            case FormNotOurs():
                self._refused(req, resp, 403, "form-not-ours")
            case NoSuchKey():
                self._refused(req, resp, 404, "no-such-key")
            case _:
                self._problem(req, resp, error)

    def _problem(self, req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
        problem = problem_of(error, req.method, req.uri_template)
        title, advice = worded(problem.type, language_of(req))
        for name, value in problem.headers.items():
            resp.set_header(name, value)
        request_id = getattr(req.context, "request_id", "")
        # What passes by itself is tried again with what was typed.
        kept = _kept(req) if problem.type.status >= 500 else []
        told = {"section": "", "title": title, "advice": advice, "request_id": request_id, "kept": kept}
        answer(req, resp, "keys/problem.html", status=problem.type.status, **told)

    def _refused(
        self, req: falcon.Request, resp: falcon.Response, status: int, why: str, *, is_kept: bool = False
    ) -> None:
        told = {"why": why, "kept": _kept(req) if is_kept else [], "issuer": self._issuer}
        answer(req, resp, "keys/refused.html", status=status, section="", **told)


def _kept(req: falcon.Request) -> list[tuple[str, str]]:
    """The form that was sent, to be sent again to the same address, without what only its session may send."""
    form = kept_form(req)
    return [] if form is None else [pair for pair in form.redacted() if pair[0] not in ("csrf", "step")]
