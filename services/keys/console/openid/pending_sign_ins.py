"""Pending sign-ins: those that a browser began and whose issuer has not sent it back yet. Each is used once.

Of `state` and of the browser's own cookie the digests are stored. Nonce and PKCE's verifier are stored nowhere: they
are made of that cookie and the state, so that only the browser that began a sign-in can end it. They are few, and are
written on a full disk, too: who signs in may have to end a key.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from services.keys import tables
from services.keys.console.sessions import tokens
from services.keys.console.sessions.sweep import sweep
from services.keys.revocation.session_fence import AHEAD_MAX
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.ip_addresses import source
from shared.values.timestamps import from_rfc3339, rfc3339

LIFE = timedelta(minutes=10)
PENDING_MAX = 10_000
PENDING_MAX_AN_ADDRESS = 20  # the oldest goes first
_pending = tables.console_pending


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """`browser`: the cookie's value. `is_again`: the person must be asked for the password."""

    state: str = field(repr=False)
    browser: str = field(repr=False)
    is_again: bool
    begun_at: datetime

    @property
    def nonce(self) -> str:
        return self._made_for(b"nonce")

    @property
    def verifier(self) -> str:
        return self._made_for(b"verifier")

    def _made_for(self, purpose: bytes) -> str:
        made = hmac.digest(self.browser.encode(), purpose + b" " + self.state.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


class PendingSignIns:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def begin(self, browser: str | None, address: str, *, is_again: bool) -> PendingSignIn:
        """`browser`: the cookie that it has already, so that two of its tabs may sign in."""
        known = browser if browser is not None and tokens.session_digest(browser) is not None else None
        begun = PendingSignIn(
            state=secrets.token_urlsafe(32),
            browser=known or tokens.new_session().value,
            is_again=is_again,
            begun_at=self._clock.now(),
        )
        with self._database.transaction(durable=False, urgent=True) as tx:
            sweep(tx, _pending, _pending.c.begun_at <= rfc3339(begun.begun_at - LIFE))
            _make_room(tx, source(address))
            tx.execute(
                insert(_pending).values(
                    digest=_digest(begun.state),
                    browser_digest=_digest(begun.browser),
                    is_again=is_again,
                    source=source(address),
                    begun_at=rfc3339(begun.begun_at),
                )
            )
        return begun

    def take(self, state: str, browser: str | None) -> PendingSignIn | None:
        """None: it is unknown, over, was taken before, or began in another browser."""
        if browser is None:
            return None
        is_this = (_pending.c.digest == _digest(state), _pending.c.browser_digest == _digest(browser))
        now = self._clock.now()
        is_current = _pending.c.begun_at > rfc3339(now - LIFE)
        is_past = _pending.c.begun_at <= rfc3339(now + AHEAD_MAX)
        taken = (
            delete(_pending).where(*is_this, is_current, is_past).returning(_pending.c.is_again, _pending.c.begun_at)
        )
        with self._database.transaction(urgent=True) as tx:
            row = tx.execute(taken).one_or_none()
        if row is None:
            return None
        begun_at = from_rfc3339(row.begun_at)
        return PendingSignIn(state=state, browser=browser, is_again=row.is_again, begun_at=begun_at)


def _make_room(tx: Connection, address: str) -> None:
    newest_first = select(_pending.c.digest).order_by(_pending.c.begun_at.desc(), _pending.c.digest)
    for query, most in (
        (newest_first.where(_pending.c.source == address), PENDING_MAX_AN_ADDRESS),
        (newest_first, PENDING_MAX),
    ):
        beyond = tx.execute(query.offset(most - 1).limit(100)).scalars().all()
        sweep(tx, _pending, _pending.c.digest.in_(beyond))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
