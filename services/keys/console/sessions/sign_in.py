"""Sign-in: people, the one-time links they sign in by, and their sessions, all kept in keys' database.

A link is used by one POST, once, within ten minutes; of two at the same moment one wins, by the row that both would
change. Signing in makes a new session id, whatever the browser had before.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from services.keys import tables
from services.keys.console.sessions import tokens
from services.keys.lifecycle.organisation import NoSuchOrganisation
from services.keys.revocation.session_fence import IDLE_MAX, LENGTH_MAX, Role, Session, find_session, is_alive
from shared.observability.redaction import redact
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.identifiers import new_id
from shared.values.names import NotAName, as_name
from shared.values.timestamps import from_rfc3339, rfc3339

LINK_LIFE = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)
PEOPLE_MAX = 100  # that lists offer to choose from
SESSIONS_MAX = 100  # of a person; the one that was seen longest ago goes first
_USER_AGENT_MAX = 200
_NAME_MAX = 100
_person, _link, _session = tables.console_person, tables.console_link, tables.console_session


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One of a person's sessions, as they may see it. `id` is no credential."""

    id: str
    signed_in_at: datetime
    seen_at: datetime
    address: str
    user_agent: str


class NameUnfit(Exception):
    """A person's name has what cannot be seen, or holds a secret. Says which."""


class SignIn:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def new_link(self, organisation_id: str, role: Role, name: str = "") -> str:
        """The token of a link for the person of that name, who has this role from now on; made if not known.

        Without a name: for the one nameless person of that role. Raises NoSuchOrganisation or NameUnfit.
        """
        name = _as_kept(name)
        token, now = tokens.new_link(), self._clock.now()
        with self._database.transaction() as tx:
            known = select(tables.organisation.c.id).where(tables.organisation.c.id == organisation_id)
            if tx.execute(known).one_or_none() is None:
                raise NoSuchOrganisation
            tx.execute(delete(_link).where(_link.c.expires_at <= rfc3339(now)))
            person_id = self._person(tx, organisation_id, role, name)
            expires_at = rfc3339(now + LINK_LIFE)
            tx.execute(insert(_link).values(digest=token.digest, person_id=person_id, expires_at=expires_at))
        return token.value

    def use_link(self, link: str, *, address: str, user_agent: str, before: str | None = None) -> str | None:
        """The id of a new session; None: the link is unknown, used or over. `before`: the id that the browser had."""
        digest, now = tokens.link_digest(link), self._clock.now()
        if digest is None or not self._is_known(digest):
            return None
        token = tokens.new_session()
        with self._database.transaction() as tx:
            is_good = (_link.c.digest == digest, _link.c.used_at.is_(None), _link.c.expires_at > rfc3339(now))
            used = update(_link).where(*is_good).values(used_at=rfc3339(now)).returning(_link.c.person_id)
            person_id = tx.execute(used).scalar_one_or_none()
            if person_id is None:
                return None
            self._forget_old(tx, person_id, now)
            tx.execute(update(_person).where(_person.c.id == person_id).values(signed_in_at=rfc3339(now)))
            ended = None if before is None else tokens.session_digest(before)
            tx.execute(delete(_session).where(_session.c.digest == ended))
            tx.execute(
                insert(_session).values(
                    digest=token.digest,
                    id=new_id("ses"),
                    person_id=person_id,
                    signed_in_at=rfc3339(now),
                    seen_at=rfc3339(now),
                    address=address[:45],
                    user_agent=redact(user_agent)[:_USER_AGENT_MAX],
                )
            )
        return token.value

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
        if is_seen and now - found.seen_at >= SEEN_EVERY:
            seen = update(_session).where(_session.c.digest == digest).values(seen_at=rfc3339(now))
            with self._database.transaction(durable=False) as tx:
                tx.execute(seen)
        return found

    def sessions_of(self, person_id: str) -> tuple[OpenSession, ...]:
        """Those that are not over, the one seen last first."""
        now = self._clock.now()
        alive = (_session.c.seen_at > rfc3339(now - IDLE_MAX), _session.c.signed_in_at > rfc3339(now - LENGTH_MAX))
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

    def end(self, person_id: str, session: str) -> None:
        """Ends one of the person's sessions, by its `id`."""
        with self._database.transaction() as tx:
            tx.execute(delete(_session).where(_session.c.person_id == person_id, _session.c.id == session))

    def end_all(self, person_id: str) -> None:
        with self._database.transaction() as tx:
            # The person first, as the fence of commands does: else each could hold a row that the other waits for.
            tx.execute(select(_person.c.id).where(_person.c.id == person_id).with_for_update())
            tx.execute(delete(_session).where(_session.c.person_id == person_id))

    def erase(self, person_id: str) -> bool:
        """Erases who the person is, and ends their sessions and links. The log goes on naming the id.

        Whether there is such a person.
        """
        with self._database.transaction() as tx:
            erased = update(_person).where(_person.c.id == person_id).values(name="", address=None, role="erased")
            is_known = tx.execute(erased.returning(_person.c.id)).one_or_none() is not None
            tx.execute(delete(_session).where(_session.c.person_id == person_id))
            tx.execute(delete(_link).where(_link.c.person_id == person_id))
        self._database.forget()
        return is_known

    def _is_known(self, digest: str) -> bool:
        """Read first: whoever guesses must not hold the lock of those who write."""
        with self._database.reading(once=True) as tx:
            return tx.execute(select(_link.c.digest).where(_link.c.digest == digest)).one_or_none() is not None

    def _person(self, tx: Connection, organisation_id: str, role: Role, name: str) -> str:
        is_this = (_person.c.organisation_id == organisation_id, _person.c.name == name)
        query = select(_person.c.id).where(*is_this, _person.c.role == role if not name else _person.c.role != "erased")
        person_id = tx.execute(query.order_by(_person.c.created_at, _person.c.id).limit(1)).scalar_one_or_none()
        if person_id is not None:
            tx.execute(update(_person).where(_person.c.id == person_id).values(role=role))
            return str(person_id)
        made = new_id("usr")
        values = {"id": made, "organisation_id": organisation_id, "role": role, "name": name}
        tx.execute(insert(_person).values(**values, created_at=rfc3339(self._clock.now())))
        return made

    def _forget_old(self, tx: Connection, person_id: str, now: datetime) -> None:
        tx.execute(delete(_session).where(_session.c.signed_in_at <= rfc3339(now - LENGTH_MAX)))
        mine = select(_session.c.digest).where(_session.c.person_id == person_id).order_by(_session.c.seen_at.desc())
        beyond = tx.execute(mine.offset(SESSIONS_MAX - 1)).scalars().all()
        tx.execute(delete(_session).where(_session.c.digest.in_(beyond)))


def address_of(link: str, public_url: str) -> str:
    """Where the link of that token is opened: the one address that holds a secret, good once and not for long."""
    return f"{public_url}/console/link/{link}"


def _as_kept(name: str) -> str:
    """Raises NameUnfit."""
    try:
        kept = as_name(name) if name.strip() else ""
    except NotAName as fault:
        raise NameUnfit(f"the name {fault}") from None
    if redact(kept) != kept or len(kept) > _NAME_MAX:
        raise NameUnfit(f"the name must have at most {_NAME_MAX} characters, and be no API key")
    return kept
