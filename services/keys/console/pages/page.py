"""Base of the console's pages: who is visiting, whether a form is theirs, and how a page is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import falcon
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from services.keys.console.pages.parts import Parts, Visit
from services.keys.console.rendering.form import Form, keep_form, read_form
from services.keys.console.rendering.pages import answer, answer_text, render
from services.keys.console.sessions import attempts, tokens
from services.keys.console.sessions.cookie import session_cookie
from services.keys.console.sessions.request_origin import is_our_own
from services.keys.http.representation import receipt as receipt_form
from services.keys.revocation.propagation import Receipt
from services.keys.revocation.session_fence import Session, is_recent
from services.keys.secret import Secret
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView
from shared.observability.redaction import redact
from shared.sql.database import DatabaseBusy
from shared.sql.idempotency_table import Keep
from shared.web.conditions.idempotency import attempt_of

Done = TypeVar("Done")


class SignedOut(Exception):
    """Nobody is signed in."""


class MayNotChange(Exception):
    """The person's role only sees."""


class SignInNotRecent(Exception):
    """What is asked for needs a sign-in of the last hour."""


class FormNotOurs(Exception):
    """The form came from another site, or was made for another session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """What the page of a secret says of its key. `grace_until`: how long the secret before still works."""

    id: str
    name: str
    permissions: tuple[str, ...]
    grace_until: datetime | None = None


class Page:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.cookie = session_cookie(parts.public_url)

    def visit(self, req: falcon.Request) -> Visit:
        """Raises SignedOut."""
        visit = self.visit_or_none(req)
        if visit is None:
            raise SignedOut
        return visit

    def polling(self, req: falcon.Request) -> Session:
        """Of a page that is open: nobody is there for certain, so it keeps no session alive. Raises SignedOut."""
        session = self.parts.sign_in.session(self.cookie.read(req), is_seen=False)
        if session is None:
            raise SignedOut
        return session

    def visit_or_none(self, req: falcon.Request) -> Visit | None:
        session_id = self.cookie.read(req)
        session = self.parts.sign_in.session(session_id)
        if session_id is None or session is None:
            return None
        return Visit(
            parts=self.parts,
            session=session,
            session_id=session_id,
            organisation=self.parts.queries.organisation(session.organisation_id),
            address=req.context.caller,
            request_id=req.context.request_id,
        )

    def posted(self, req: falcon.Request) -> tuple[Visit, Form]:
        """A form of this session. Raises SignedOut or FormNotOurs."""
        visit, form, is_theirs = self.posted_again(req)
        if not is_theirs:
            raise FormNotOurs
        return visit, form

    def posted_again(self, req: falcon.Request) -> tuple[Visit, Form, bool]:
        """As `posted`, and whether this session made the form, within a day; if not, it is only to be shown again."""
        if not is_our_own(req, self.parts.public_url):
            raise FormNotOurs
        form = read_form(req)
        keep_form(req, form)
        visit = self.visit_or_none(req)
        if visit is None:
            raise SignedOut
        is_current = "attempt" not in form or attempts.is_current(form.attempt, self.parts.clock.now())
        return visit, form, is_current and tokens.is_form_token(form.text("csrf"), visit.session_id)

    def changer(self, visit: Visit) -> Visit:
        """Raises MayNotChange."""
        if not visit.session.may_change:
            raise MayNotChange
        return visit

    def recent(self, visit: Visit) -> None:
        """Raises SignInNotRecent."""
        if not is_recent(visit.session, self.parts.clock.now()):
            raise SignInNotRecent

    def once(
        self,
        req: falcon.Request,
        visit: Visit,
        form: Form,
        change: Callable[[Keep], Done],
        repeat: Callable[[str], Done],
    ) -> Done:
        """`change`, or, if this very form did it before, `repeat` with the id of what it changed.

        Raises Problem, or FormNotOurs for a form whose attempt may be forgotten.
        """
        if not attempts.is_current(form.attempt, self.parts.clock.now()):
            raise FormNotOurs
        sent = [pair for pair in form if pair[0] not in ("csrf", "attempt")]
        attempt = attempt_of(form.text("attempt"), visit.session.person_id, "POST", req.path, sent)
        return self.parts.idempotency.once(attempt, change, repeat)

    def show(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        template: str,
        *,
        section: str = "keys",
        status: int = 200,
        **context: Any,
    ) -> None:
        """A page of who is signed in. Nobody keeps it: it may be asked for again after signing out.

        It reads nothing, so that what was committed is told whatever happens. `attempt`: the form's, if it is to be
        tried again; another text becomes a new one.
        """
        resp.set_header("Cache-Control", "no-store")
        now = self.parts.clock.now()
        if "attempt" in context and not attempts.is_current(context["attempt"], now):
            context["attempt"] = attempts.new_attempt(now)
        answer(
            req,
            resp,
            template,
            status=status,
            # What a form sent is not asked for again by its address.
            back=redact(req.relative_uri if req.method == "GET" else req.path),
            chosen_zone=visit.session.time_zone,
            organisation=visit.organisation,
            session=visit.session,
            csrf=tokens.form_token(visit.session_id),
            section=section,
            public_url=self.parts.public_url,
            runs_the_system=visit.runs_the_system,
            **context,
        )

    def show_part(
        self, req: falcon.Request, resp: falcon.Response, session: Session, template: str, *, tag: str, **context: Any
    ) -> str:
        """A part of a page, to take the place of the one that is there. `tag`: of what it is made of, or empty.

        Its text, as it was answered.
        """
        text = render(req, template, chosen_zone=session.time_zone, session=session, tag=tag, **context)
        self.answer_part(req, resp, text, tag)
        return text

    def answer_part(self, req: falcon.Request, resp: falcon.Response, text: str, tag: str) -> None:
        resp.set_header("Cache-Control", "no-store")
        if tag:
            resp.set_header("ETag", tag)
        answer_text(req, resp, text)

    def still_there(self, visit: Visit, ids: tuple[str, ...]) -> tuple[KeyView, ...]:
        """Of these keys those that are there. None where they cannot be read now: what was committed is told anyway."""
        if not ids:
            return ()
        try:
            return self.parts.queries.all_keys(visit.organisation_id, KeyFilter(ids=ids))
        except (SQLAlchemyError, DatabaseBusy):
            return ()

    def show_secret(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        key: NamedKey,
        secret: Secret,
        receipt: Receipt | None,
        *,
        is_new: bool = False,
    ) -> None:
        """The secret, this once. `is_new`: of a new key, and not in place of an older secret.

        The key as it is known without reading it again: it may be deleted by now, and the secret is nowhere else.
        """
        self.show_receipt(
            req,
            resp,
            visit,
            "keys/secret.html",
            receipt,
            status=201 if is_new else 200,
            key=key,
            secret=secret.value,
            is_new=is_new,
        )

    def show_receipt(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        template: str,
        receipt: Receipt | None,
        *,
        status: int = 200,
        **context: Any,
    ) -> None:
        """`kept`: the receipt as JSON, to be verified offline; None: it has no proof."""
        has_proof = receipt is not None and receipt.proof is not None
        kept = msgspec.json.encode(receipt_form(receipt)).decode() if receipt is not None and has_proof else None
        self.show(req, resp, visit, template, status=status, receipt=receipt, kept=kept, **context)
