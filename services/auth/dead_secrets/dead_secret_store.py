"""Dead secrets in auth's database, which no reset of a follower touches.

While a log is followed anew from its beginning, grants are as they were once, so they are not judged by what ended
since, and given to nobody; at the log's head all are judged at once.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from services.auth import tables
from services.auth.dead_secrets.ending import ENDING, OF_THE_KEY, Dead, Why, after_event, buried
from services.auth.integrity.dead_secret_rows import as_row, read_dead_secret, read_unchecked, require_sound
from services.auth.integrity.grant_rows import GrantDamaged, read_grant
from services.auth.integrity.grant_rows import as_row as grant_row
from shared.contracts.dead import DeadSecret, DeadSecrets
from shared.contracts.keys import KeyEvent
from shared.gate.grants.grant import Grant
from shared.sql.database import upsert
from shared.sql.in_values import in_values

_TABLE, _NONE = tables.dead_secret, dict[str, DeadSecret]()
_KEYS_AT_ONCE = 1000
_FOLLOWS_ANEW = select(tables.follows_anew.c.id)  # made once: each pull asks


class Change(NamedTuple):
    """What an event of keys made of a grant."""

    before: Grant | None
    after: Grant
    event: KeyEvent


def keep(tx: Connection, changes: Iterable[Change]) -> None:
    """Keeps what the events ended, in their order. Safe to run twice. Raises DeadSecretDamaged."""
    ending = [change for change in changes if isinstance(change.event, ENDING)]
    if not ending:
        return
    rows = _of_keys(tx, {change.after.key_id for change in ending})
    known = {key_id: {row.digest: read_unchecked(row) for row in some} for key_id, some in rows.items()}
    now: dict[str, Dead] = dict(known)
    for change in ending:
        key_id = change.after.key_id
        now[key_id] = after_event(now.get(key_id, _NONE), *change)
    changed = [key_id for key_id, dead in now.items() if dead != known.get(key_id, _NONE)]
    if changed:
        require_sound(row for key_id in changed for row in rows.get(key_id, ()))
        tx.execute(delete(_TABLE).where(in_values(tx, _TABLE.c.key_id, changed)))
    if written := [as_row(one) for key_id in changed for one in now[key_id].values()]:
        # One that is known of a key that is gone, whose secret was imported once more, stays as it is.
        tx.execute(upsert(tx, _TABLE).on_conflict_do_nothing(), written)


def follow_anew(tx: Connection) -> None:
    """From now on a log is followed from its beginning: grants are not what holds until its head is reached."""
    if not follows_anew(tx):
        tx.execute(insert(tables.follows_anew).values(id=1))


def follows_anew(tx: Connection) -> bool:
    return tx.execute(_FOLLOWS_ANEW).first() is not None


def settle(tx: Connection) -> None:
    """At the log's head: judges every grant whose key has a dead secret, and gives them out again."""
    grant = tables.grant
    # Digests that the grant has no more say nothing of it, unless they tell of the key as a whole.
    tells = or_(_TABLE.c.why.in_(OF_THE_KEY), _TABLE.c.digest.in_((grant.c.digest, grant.c.previous_digest)))
    dead: dict[str, dict[str, DeadSecret]] = defaultdict(dict)
    telling = select(_TABLE).join(grant, grant.c.key_id == _TABLE.c.key_id).where(tells)
    for one in map(read_dead_secret, tx.execute(telling).all()):
        dead[one.key_id][one.digest] = one
    for holder, one in _of_others(tx):
        dead[holder][one.digest] = one
    keys = sorted(dead)
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        some = in_values(tx, grant.c.key_id, keys[first : first + _KEYS_AT_ONCE])
        for row in tx.execute(select(grant).where(some)).all():
            known = _sound(row)
            if known is not None and (judged := buried(known, dead[row.key_id])) != known:
                tx.execute(update(grant).where(grant.c.key_id == row.key_id).values(grant_row(judged)))
    tx.execute(delete(tables.follows_anew))


def page(tx: Connection, after: str | None, limit: int) -> DeadSecrets:
    """At most `limit` dead secrets whose digests come after this one."""
    query = select(_TABLE).order_by(_TABLE.c.digest).limit(limit + 1)
    rows = tx.execute(query if after is None else query.where(_TABLE.c.digest > after)).all()
    secrets = tuple(map(read_dead_secret, rows[:limit]))
    return DeadSecrets(secrets=secrets, next=secrets[-1].digest if len(rows) > limit else None)


def _of_others(tx: Connection) -> Iterator[tuple[str, DeadSecret]]:
    """(key, its secret that is known dead of another key): it was imported once more. Nothing else of it is dead."""
    grant = tables.grant
    for digest, why in ((grant.c.digest, Why.EXPIRED), (grant.c.previous_digest, Why.ROTATED)):
        is_another_s = and_(_TABLE.c.digest == digest, _TABLE.c.key_id != grant.c.key_id)
        holders = tx.execute(select(_TABLE.c.digest, grant.c.key_id).join(grant, is_another_s)).all()
        for holder in holders:
            row = tx.execute(select(_TABLE).where(_TABLE.c.digest == holder.digest)).one()
            yield holder.key_id, replace(read_dead_secret(row), why=why.value)


def _of_keys(tx: Connection, key_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in tx.execute(select(_TABLE).where(in_values(tx, _TABLE.c.key_id, key_ids))).all():
        found[row.key_id].append(row)
    return found


def _sound(row: Row[Any]) -> Grant | None:
    """None: it is damaged, so nobody is given it."""
    with contextlib.suppress(GrantDamaged):
        return read_grant(row)
    return None
