"""Read model of makings: which key made or renewed which others, kept also after either was deleted.

A row stands for all events of one key on another, so that who renews a key all day adds no rows.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from services.keys import tables
from services.keys.lifecycle.key import KEY_PREFIX
from services.keys.lifecycle.makings import Making, reached_from
from shared.eventsourcing.event_store import StoredEvent
from shared.values.timestamps import rfc3339

READ_MAX = 20_000
MAKING = ("KeyCreated", "KeyRotated")  # types of events that make a secret
_making = tables.making
_IDENTITY = ("maker_id", "key_id", "is_renewal")
_RENEW_AGAIN = (
    update(_making)
    .where(and_(*(_making.c[name] == bindparam(f"of_{name}") for name in _IDENTITY)))
    .values(position=bindparam("to_position"), at=bindparam("to_at"))
)
_INSERT = insert(_making)
# The makers are found first, each once, so that keys that renew each other in circles cost no more than their rows.
_is_recent = _making.c.at >= bindparam("since")
_makers = (
    select(_making.c.maker_id)
    .where(_making.c.maker_id.in_(bindparam("roots", expanding=True)), _is_recent)
    .cte("makers", recursive=True)
)
_makers = _makers.union(select(_making.c.key_id).where(_making.c.maker_id == _makers.c.maker_id, _is_recent))
_FIND = select(_making).where(_making.c.maker_id == _makers.c.maker_id, _is_recent).limit(READ_MAX + 1)


def making_of(row: StoredEvent, actor: str) -> Making | None:
    """None: the event makes no secret, or no other key asked for it."""
    if row.type not in MAKING or actor == row.stream or not actor.startswith(KEY_PREFIX):
        return None
    return Making(
        maker_id=actor,
        key_id=row.stream,
        is_renewal=row.type == "KeyRotated",
        first_position=row.position,
        position=row.position,
        at=row.recorded_at,
    )


def keep(tx: Connection, row: StoredEvent, actor: str) -> None:
    """Writes down what the event says of a key that made or renewed another."""
    making = making_of(row, actor)
    if making is None:
        return
    if making.is_renewal:
        identity = {f"of_{name}": getattr(making, name) for name in _IDENTITY}
        if tx.execute(_RENEW_AGAIN, identity | {"to_position": making.position, "to_at": making.at}).rowcount:
            return
    tx.execute(_INSERT, as_row(making))


def as_row(making: Making) -> dict[str, object]:
    return {name: getattr(making, name) for name in Making.__slots__}


def find(tx: Connection, roots: Collection[str], since: datetime) -> tuple[dict[str, bool], bool]:
    """Which keys the roots made (True) or renewed (False) since then, and those in turn; and whether these are all."""
    rows = tx.execute(_FIND, {"roots": list(roots), "since": rfc3339(since)}).all()
    makings = (Making(**row._mapping) for row in rows[:READ_MAX])
    return reached_from(roots, makings), len(rows) <= READ_MAX
