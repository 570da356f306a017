"""What stands in the way of a page, as pages: signed out, a role that only sees, a form of another session, a fault.

The rest of what fails is a problem of the API's catalogue; nothing of the request is quoted.
"""

from typing import Any

import falcon

from services.keys.console.pages.page import FormNotOurs, MayNotChange, SignedOut, SignInNotRecent
from services.keys.console.rendering.form import Form
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
    """Falcon's error handler."""

    def answer(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
        resp.set_header("Cache-Control", "no-store")
        match error:
            case SignedOut() if req.get_header("HX-Request"):
                resp.status = 401  # of a part of a page, in whose place no other page must come
            case SignedOut() if error.form is None:
                resp.status, resp.location = 303, _SIGN_IN
            case SignedOut():
                _refused(req, resp, 403, "signed-out", error.form)
            case SignInNotRecent():
                _refused(req, resp, 403, "sign-in-not-recent", error.form)
            case SessionFenced():
                _refused(req, resp, 403, _OF_FENCE[error.refusal])
            case MayNotChange():
                _refused(req, resp, 403, "may-not-change")
            case FormNotOurs():
                _refused(req, resp, 403, "form-not-ours")
            case NoSuchKey():
                _refused(req, resp, 404, "no-such-key")
            case _:
                self._problem(req, resp, error)

    def _problem(self, req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
        problem = problem_of(error, req.method, req.uri_template)
        title, advice = worded(problem.type, language_of(req))
        for name, value in problem.headers.items():
            resp.set_header(name, value)
        request_id = getattr(req.context, "request_id", "")
        told = {"section": "", "title": title, "advice": advice, "request_id": request_id}
        answer(req, resp, "keys/problem.html", status=problem.type.status, **told)


def _refused(req: falcon.Request, resp: falcon.Response, status: int, why: str, form: Form | None = None) -> None:
    """`form`: kept in the page, to be sent again to the same address, without what only its session may send."""
    kept = [] if form is None else [pair for pair in form.redacted() if pair[0] not in ("csrf", "step")]
    answer(req, resp, "keys/refused.html", status=status, section="", why=why, kept=kept)
