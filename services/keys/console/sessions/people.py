"""People of the console as rows. A change of something of a person's locks the person first.

So do the fence of their commands, the use of a link, the end of all sessions and an erasure: of two at the same moment
one waits for the other, and neither for both. On SQLite there is one writer at a time.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, delete, insert, select, update

from services.keys import tables
from services.keys.console.rendering.time_zones import is_time_zone
from services.keys.lifecycle.organisation import NoSuchOrganisation
from services.keys.revocation.session_fence import Role
from shared.observability.redaction import redact
from shared.values.identifiers import new_id
from shared.values.names import NotAName, as_name
from shared.values.timestamps import rfc3339

ERASED = "erased"  # the role of whom nothing but the id is known any more
NOBODY = {"role": ERASED, "name": "", "address": None, "issuer": None, "subject": None, "time_zone": None}
_NAME_MAX, _ADDRESS_MAX = 100, 254
_person, _session = tables.console_person, tables.console_session


class Identified(Protocol):
    """Whom an issuer says that somebody is. `subject`: its own name of them, for ever."""

    @property
    def issuer(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def organisation_id(self) -> str: ...
    @property
    def role(self) -> Role: ...
    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str | None: ...
    @property
    def time_zone(self) -> str: ...


class NameUnfit(Exception):
    """A person's name has what cannot be seen, or holds a secret. Says which."""


def as_kept(name: str) -> str:
    """Raises NameUnfit."""
    try:
        kept = as_name(name) if name.strip() else ""
    except NotAName as fault:
        raise NameUnfit(f"the name {fault}") from None
    if redact(kept) != kept or len(kept) > _NAME_MAX:
        raise NameUnfit(f"the name must have at most {_NAME_MAX} characters, and be no API key")
    return kept


def lock(tx: Connection, person_ids: Iterable[str]) -> None:
    """To the end of the transaction, always in the same order."""
    mine = select(_person.c.id).where(_person.c.id.in_(set(person_ids))).order_by(_person.c.id)
    tx.execute(mine.with_for_update()).all()


def named(tx: Connection, organisation_id: str, name: str, role: Role, now: datetime) -> str:
    """The person of that name, locked, who has this role from now on; made if not known. Without a name: a new one."""
    if name:
        # Not those of an issuer, which may call anybody so.
        by_link = (_person.c.subject.is_(None), _person.c.role != ERASED)
        known = (_person.c.organisation_id == organisation_id, _person.c.name == name, *by_link)
        query = select(_person.c.id).where(*known).order_by(_person.c.created_at, _person.c.id).limit(1)
        person_id = tx.execute(query.with_for_update()).scalar_one_or_none()
        if person_id is not None:
            tx.execute(update(_person).where(_person.c.id == person_id).values(role=role))
            return str(person_id)
    made = new_id("usr")
    values = {"id": made, "organisation_id": organisation_id, "role": role, "name": name}
    tx.execute(insert(_person).values(**values, created_at=rfc3339(now)))
    return made


def identified(tx: Connection, identity: Identified, now: datetime) -> str:
    """The person whom the issuer knows so, locked, as the issuer now says; made if not known.

    Raises NoSuchOrganisation. Another organisation than before ends the sessions in that one.
    """
    organisation = tables.organisation.c.id
    if tx.execute(select(organisation).where(organisation == identity.organisation_id)).one_or_none() is None:
        raise NoSuchOrganisation
    told = {
        "organisation_id": identity.organisation_id,
        "role": identity.role,
        "name": _kept_or_none(identity.name),
        "address": None if identity.address is None else redact(identity.address)[:_ADDRESS_MAX],
    }
    is_this = (_person.c.issuer == identity.issuer, _person.c.subject == identity.subject)
    known = select(_person.c.id, _person.c.organisation_id).where(*is_this).with_for_update()
    row = tx.execute(known).one_or_none()
    if row is not None:
        if row.organisation_id != identity.organisation_id:
            tx.execute(delete(_session).where(_session.c.person_id == row.id))
        tx.execute(update(_person).where(_person.c.id == row.id).values(**told))
        return str(row.id)
    # Theirs to choose from then on.
    told |= {"time_zone": identity.time_zone if is_time_zone(identity.time_zone) else None}
    made = new_id("usr")
    whom = {"issuer": identity.issuer, "subject": identity.subject}
    tx.execute(insert(_person).values(id=made, created_at=rfc3339(now), **told, **whom))
    return made


def refused(tx: Connection, issuer: str, subject: str, now: datetime) -> None:
    """Whom the issuer gives no role any more: signed out everywhere."""
    is_this = (_person.c.issuer == issuer, _person.c.subject == subject)
    person_id = tx.execute(select(_person.c.id).where(*is_this).with_for_update()).scalar_one_or_none()
    tx.execute(delete(_session).where(_session.c.person_id == person_id))
    tx.execute(update(_person).where(_person.c.id == person_id).values(refused_at=rfc3339(now)))


def _kept_or_none(name: str) -> str:
    try:
        return as_kept(name[:_NAME_MAX])
    except NameUnfit:
        return ""
