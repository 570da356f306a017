"""People of the console as rows. Whoever changes something of a person's locks the person first.

So do the fence of their commands, the use of a link, the end of all sessions and an erasure: of two at the same moment
one waits for the other, and neither for both. On SQLite there is one writer at a time.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from services.keys import tables
from services.keys.revocation.session_fence import Role
from shared.observability.redaction import redact
from shared.values.identifiers import new_id
from shared.values.names import NotAName, as_name
from shared.values.timestamps import rfc3339

ERASED = "erased"  # the role of whom nothing but the id is known any more
_NAME_MAX = 100
_person = tables.console_person


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
        known = (_person.c.organisation_id == organisation_id, _person.c.name == name, _person.c.role != ERASED)
        query = select(_person.c.id).where(*known).order_by(_person.c.created_at, _person.c.id).limit(1)
        person_id = tx.execute(query.with_for_update()).scalar_one_or_none()
        if person_id is not None:
            tx.execute(update(_person).where(_person.c.id == person_id).values(role=role))
            return str(person_id)
    made = new_id("usr")
    values = {"id": made, "organisation_id": organisation_id, "role": role, "name": name}
    tx.execute(insert(_person).values(**values, created_at=rfc3339(now)))
    return made
