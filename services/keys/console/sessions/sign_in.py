"""Sign-in: people, the one-time links they sign in by, and their sessions, all kept in keys' database.

A link is used by one POST, once, within ten minutes; of two at the same moment one wins, by the row that both would
change. Signing in makes a new session id, whatever the browser had before. Rows are locked as people.py says; what is
over is swept past whatever others hold. Signing in and out may use the room on the disk that is kept for ending keys.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from services.keys import tables
from services.keys.console.sessions import people, tokens
from services.keys.console.sessions.people import Identified
from services.keys.console.sessions.sweep import sweep
from services.keys.lifecycle.organisation import NoSuchOrganisation
from services.keys.revocation.session_fence import (
    AHEAD_MAX,
    IDLE_MAX,
    LENGTH_MAX,
    Role,
    Session,
    find_session,
    is_alive,
)
from shared.observability.redaction import redact
from shared.runtime.clock import Clock
from shared.sql.database import Database, DatabaseBusy
from shared.values.identifiers import new_id
from shared.values.timestamps import from_rfc3339, rfc3339

LINK_LIFE = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)
PEOPLE_MAX = 100  # that lists offer to choose from
SESSIONS_MAX = 100  # of a person; the one that was seen longest ago goes first
_USER_AGENT_MAX = 200
_person, _link, _session = tables.console_person, tables.console_link, tables.console_session


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One of a person's sessions, as they may see it. `id` is no credential."""

    id: str
    signed_in_at: datetime
    seen_at: datetime
    address: str
    user_agent: str


class SignIn:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def new_link(self, organisation_id: str, role: Role, name: str = "") -> str:
        """The token of a link for the person of that name, who has this role from now on; made if not known.

        Without a name: for a person of its own. Raises NoSuchOrganisation or NameUnfit.
        """
        name = people.as_kept(name)
        token, now = tokens.new_link(), self._clock.now()
        with self._database.transaction(urgent=True) as tx:
            known = select(tables.organisation.c.id).where(tables.organisation.c.id == organisation_id)
            if tx.execute(known).one_or_none() is None:
                raise NoSuchOrganisation
            person_id = people.named(tx, organisation_id, name, role, now)
            _sweep_links(tx, self._clock.trusted_now())
            expires_at = rfc3339(now + LINK_LIFE)
            tx.execute(insert(_link).values(digest=token.digest, person_id=person_id, expires_at=expires_at))
        return token.value

    def use_link(self, link: str, *, address: str, user_agent: str, before: str | None = None) -> str | None:
        """The id of a new session; None: the link is unknown, used or over. `before`: the id that the browser had."""
        digest, now = tokens.link_digest(link), self._clock.now()
        person_id = None if digest is None else self._person_of(digest)
        if person_id is None:
            return None
        with self._database.transaction(urgent=True) as tx:
            ended = None if before is None else tokens.session_digest(before)
            people.lock(tx, {person_id, *tx.execute(_owner_of(ended)).scalars()})
            is_current = (_link.c.expires_at > rfc3339(now), _link.c.expires_at <= rfc3339(now + LINK_LIFE + AHEAD_MAX))
            is_good = (_link.c.digest == digest, _link.c.used_at.is_(None))
            if not tx.execute(update(_link).where(*is_good, *is_current).values(used_at=rfc3339(now))).rowcount:
                return None
            return self._open(tx, person_id, ended, self._clock.now(), address=address, user_agent=user_agent)

    def use_identity(
        self,
        identity: Identified,
        authenticated_at: datetime | None,
        *,
        address: str,
        user_agent: str,
        before: str | None = None,
    ) -> str:
        """As `use_link`, for whom an issuer has proved. Raises NoSuchOrganisation."""
        ended = None if before is None else tokens.session_digest(before)
        while True:
            try:
                with self._database.transaction(urgent=True) as tx:
                    person_id = people.identified(tx, identity, self._clock.now())
                    told = {"address": address, "user_agent": user_agent}
                    return self._open(tx, person_id, ended, authenticated_at, by_issuer=True, **told)
            except IntegrityError:
                # Signed in for the first time twice at once: the other one was first, and is found now.
                continue

    def refuse(self, issuer: str, subject: str) -> None:
        """Ends all sessions of a person to whom the issuer gives no role any more."""
        with self._database.transaction(urgent=True) as tx:
            people.refused(tx, issuer, subject, self._clock.now())

    def session(self, session_id: str | None, *, is_seen: bool = True) -> Session | None:
        """The session of a cookie's value; None: it is unknown or over. `is_seen`: its person is there now."""
        digest = None if session_id is None else tokens.session_digest(session_id)
        if digest is None:
            return None
        now = self._clock.now()
        with self._database.reading(once=True) as tx:
            found = find_session(tx, digest)
        if found is None or not is_alive(found, now):
            return None
        if is_seen and abs(now - found.seen_at) >= SEEN_EVERY:
            seen = update(_session).where(_session.c.digest == digest).values(seen_at=rfc3339(now))
            # A page does without, as on a full disk: a key can be ended all the same.
            with suppress(OperationalError, DatabaseBusy), self._database.transaction(durable=False) as tx:
                tx.execute(seen)
        return found

    def sessions_of(self, person_id: str) -> tuple[OpenSession, ...]:
        """Those that are not over, the one seen last first."""
        now = self._clock.now()
        seen, began, latest = _session.c.seen_at, _session.c.signed_in_at, rfc3339(now + AHEAD_MAX)
        alive = (seen > rfc3339(now - IDLE_MAX), began > rfc3339(now - LENGTH_MAX), seen <= latest, began <= latest)
        query = select(_session).where(_session.c.person_id == person_id, *alive)
        with self._database.reading(once=True) as tx:
            rows = tx.execute(query.order_by(_session.c.seen_at.desc(), _session.c.id)).all()
        return tuple(
            OpenSession(
                id=row.id,
                signed_in_at=from_rfc3339(row.signed_in_at),
                seen_at=from_rfc3339(row.seen_at),
                address=row.address,
                user_agent=row.user_agent,
            )
            for row in rows
        )

    def names(self, person_ids: Collection[str]) -> dict[str, str]:
        """Person → name, of those that have one."""
        query = select(_person.c.id, _person.c.name).where(_person.c.id.in_(person_ids), _person.c.name != "")
        with self._database.reading(once=True) as tx:
            return {row.id: row.name for row in tx.execute(query)}

    def people_of(self, organisation_id: str) -> dict[str, str]:
        """Person → name, of those of an organisation that have one, by name; PEOPLE_MAX at most."""
        query = select(_person.c.id, _person.c.name).where(_person.c.organisation_id == organisation_id)
        with self._database.reading(once=True) as tx:
            rows = tx.execute(
                query.where(_person.c.name != "").order_by(_person.c.name, _person.c.id).limit(PEOPLE_MAX)
            )
            return {row.id: row.name for row in rows}

    def choose_time_zone(self, person_id: str, name: str) -> None:
        """`name`: one that is known; "": as each browser says."""
        chosen = update(_person).where(_person.c.id == person_id, _person.c.role != people.ERASED)
        with self._database.transaction() as tx:
            tx.execute(chosen.values(time_zone=name or None))

    def end(self, person_id: str, session: str) -> None:
        """Ends one of the person's sessions, by its `id`."""
        with self._database.transaction(urgent=True) as tx:
            tx.execute(delete(_session).where(_session.c.person_id == person_id, _session.c.id == session))

    def end_all(self, person_id: str) -> None:
        with self._database.transaction(urgent=True) as tx:
            people.lock(tx, {person_id})
            tx.execute(delete(_session).where(_session.c.person_id == person_id))

    def erase(self, person_id: str) -> bool:
        """Erases who the person is, and ends their sessions and links. The log goes on naming the id.

        Whether there is such a person.
        """
        with self._database.transaction() as tx:
            erased = update(_person).where(_person.c.id == person_id).values(**people.NOBODY)
            is_known = tx.execute(erased.returning(_person.c.id)).one_or_none() is not None
            tx.execute(delete(_session).where(_session.c.person_id == person_id))
            tx.execute(delete(_link).where(_link.c.person_id == person_id))
        self._database.forget()
        return is_known

    def _person_of(self, digest: str) -> str | None:
        """Of a link. Read first: guessers must not hold the lock of those who write."""
        with self._database.reading(once=True) as tx:
            return tx.execute(select(_link.c.person_id).where(_link.c.digest == digest)).scalar_one_or_none()

    def _open(
        self,
        tx: Connection,
        person_id: str,
        ended: str | None,
        authenticated_at: datetime | None,
        *,
        address: str,
        user_agent: str,
        by_issuer: bool = False,
    ) -> str:
        """The id of a new session of the person, who is locked. `ended`: the digest of the one that it replaces."""
        token, now = tokens.new_session(), self._clock.now()
        tx.execute(delete(_session).where(_session.c.digest == ended))
        sweep(tx, _session, _session.c.signed_in_at <= rfc3339(self._clock.trusted_now() - LENGTH_MAX))
        mine = select(_session.c.digest).where(_session.c.person_id == person_id).order_by(_session.c.seen_at.desc())
        beyond = tx.execute(mine.offset(SESSIONS_MAX - 1)).scalars().all()
        tx.execute(delete(_session).where(_session.c.digest.in_(beyond)))
        tx.execute(update(_person).where(_person.c.id == person_id).values(signed_in_at=rfc3339(now)))
        tx.execute(
            insert(_session).values(
                digest=token.digest,
                id=new_id("ses"),
                person_id=person_id,
                signed_in_at=rfc3339(now),
                authenticated_at=authenticated_at and rfc3339(authenticated_at),
                by_issuer=by_issuer,
                seen_at=rfc3339(now),
                address=address[:45],
                user_agent=redact(user_agent)[:_USER_AGENT_MAX],
            )
        )
        return token.value


def address_of(link: str, public_url: str) -> str:
    """Where the link of that token is opened: the one address that holds a secret, good once and not for long."""
    return f"{public_url}/console/link/{link}"


def _owner_of(session_digest: str | None) -> Select[tuple[str]]:
    return select(_session.c.person_id).where(_session.c.digest == session_digest)


def _sweep_links(tx: Connection, now: datetime) -> None:
    """Links that are over, and whom nobody can be any more: people without a name whose own link was never used."""
    left = sweep(tx, _link, _link.c.expires_at <= rfc3339(now))
    made = {row.person_id: from_rfc3339(row.expires_at) - LINK_LIFE for row in left if row.used_at is None}
    nameless = select(_person.c.id, _person.c.created_at).where(_person.c.id.in_(made), _person.c.name == "")
    found = tx.execute(nameless.with_for_update(skip_locked=True)).all()
    # Made for the link: an older person without a name may have signed in by another one.
    gone = [row.id for row in found if from_rfc3339(row.created_at) == made[row.id]]
    tx.execute(delete(_person).where(_person.c.id.in_(gone)))
