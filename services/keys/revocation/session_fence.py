"""Fence of a person's command: is the session that asked still there, and does its person's role still allow changes?

As the fence of a key (fence.py): judged once more on the rows of the transaction that appends, while nobody else can.
Nothing by a person lies behind the end of the session, or of the role.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from services.keys import tables
from shared.values.timestamps import from_rfc3339

IDLE_MAX = timedelta(hours=12)
LENGTH_MAX = timedelta(days=7)
RECENT = timedelta(hours=1)
# By how much the clocks of two hosts may differ. What is dated further ahead was written by a clock that was wrong.
AHEAD_MAX = timedelta(minutes=5)


class Role(enum.StrEnum):
    """As the product's: the first two change, the third sees."""

    OWNER = "owner"
    ADMIN = "admin"
    USER = "user"


_session, _person = tables.console_session.c, tables.console_person.c
# Built once: others wait for the log meanwhile.
_THE_SESSION = (
    select(
        _session.id, _session.signed_in_at, _session.authenticated_at, _session.by_issuer, _session.seen_at,
        _person.id.label("person_id"), _person.name, _person.organisation_id, _person.role, _person.time_zone,
    )
    .join_from(tables.console_person, tables.console_session, _session.person_id == _person.id)
    .where(_session.digest == bindparam("digest"), _person.role.in_([role.value for role in Role]))
)  # fmt: skip
# The person before the session, as whoever ends several does. SQLite has one writer at a time, and needs no lock.
_THE_SESSION_LOCKED = _THE_SESSION.with_for_update(read=True)


class SessionRefusal(enum.StrEnum):
    ENDED = "session-ended"
    ROLE = "role-insufficient"
    NOT_RECENT = "sign-in-not-recent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which a person is signed in. `id`: its name in lists, and no credential.

    `authenticated_at`: when it was last proved who it is; None: an issuer did not say. `time_zone`: as the
    person chose it, or "".
    """

    id: str = ""
    person_id: str
    name: str = ""
    organisation_id: str
    role: Role
    signed_in_at: datetime
    authenticated_at: datetime | None
    by_issuer: bool = False
    seen_at: datetime
    time_zone: str = ""

    @property
    def may_change(self) -> bool:
        return self.role is not Role.USER


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFence:
    """The session that asks, by the digest of its id, and the organisation that it changes.

    `time`: at the moment it is called, in seconds since 1970. `recent`: the sign-in must be. `forces`: it was said that
    a lock-out is wanted.
    """

    digest: str
    organisation_id: str
    time: Callable[[], float]
    recent: bool = False
    forces: bool = False


class SessionFenced(Exception):
    """The session or its role ended before the command was committed; nothing of it was kept."""

    def __init__(self, refusal: SessionRefusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.value)


def is_alive(session: Session, now: datetime) -> bool:
    return _is_within(IDLE_MAX, session.seen_at, now) and _is_within(LENGTH_MAX, session.signed_in_at, now)


def is_recent(session: Session, now: datetime) -> bool:
    """Whether it was proved within the last hour who it is. An issuer may let pass whom it knows by a cookie."""
    return session.authenticated_at is not None and _is_within(RECENT, session.authenticated_at, now)


def judge(
    session: Session | None, organisation_id: str, now: datetime, *, recent: bool = False
) -> SessionRefusal | None:
    """Why the person may not, or None. Pure. `session` None: it was ended."""
    if session is None or session.organisation_id != organisation_id or not is_alive(session, now):
        return SessionRefusal.ENDED
    if not session.may_change:
        return SessionRefusal.ROLE
    return SessionRefusal.NOT_RECENT if recent and not is_recent(session, now) else None


def checked_by(fence: SessionFence) -> Callable[[Connection], None]:
    """What a repository calls before it writes. What ends the session, or the role, waits for the commit."""

    def check(tx: Connection) -> None:
        session, now = find_session(tx, fence.digest, lock=True), datetime.fromtimestamp(fence.time(), UTC)
        refusal = judge(session, fence.organisation_id, now, recent=fence.recent)
        if refusal is not None:
            raise SessionFenced(refusal)

    return check


def _is_within(span: timedelta, begun_at: datetime, now: datetime) -> bool:
    return -AHEAD_MAX <= now - begun_at < span


def find_session(tx: Connection, digest: str, *, lock: bool = False) -> Session | None:
    """The session with its person's present role, whether or not it is over. `lock`: kept so to the commit."""
    row = tx.execute(_THE_SESSION_LOCKED if lock else _THE_SESSION, {"digest": digest}).one_or_none()
    if row is None:
        return None
    return Session(
        id=row.id,
        person_id=row.person_id,
        name=row.name,
        organisation_id=row.organisation_id,
        role=Role(row.role),
        signed_in_at=from_rfc3339(row.signed_in_at),
        authenticated_at=row.authenticated_at and from_rfc3339(row.authenticated_at),
        by_issuer=row.by_issuer,
        seen_at=from_rfc3339(row.seen_at),
        time_zone=row.time_zone or "",
    )
