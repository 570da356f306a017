"""Bounds of new keys at the commit: their organisation's lifetimes and room, and the access of the key that asks.

One statement, for others wait for the log meanwhile.
"""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam

from services.keys import tables
from services.keys.lifecycle.key import SETTINGS, Access
from services.keys.lifecycle.lifetimes import Lifetimes
from services.keys.views.active_keys import Room, room_of, select_room
from services.keys.views.setting_columns import from_row
from shared.values.timestamps import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationBounds:
    """`maker`: the access of the key that asks; None: none does."""

    lifetimes: Lifetimes
    maker: Access | None
    room: Room


def creation_bounds(tx: Connection, organisation_id: str, maker_id: str | None, now: datetime) -> CreationBounds:
    """Call it behind the maker's fence, while the log is locked."""
    parameters = {"organisation_id": organisation_id, "now": rfc3339(now)}
    if maker_id is not None:
        parameters["maker_id"] = maker_id
    row = tx.execute(_bounds(is_by_key=maker_id is not None), parameters).one()
    return CreationBounds(
        lifetimes=Lifetimes(max_days=row.lifetime_max_days, default_days=row.lifetime_default_days),
        maker=None if maker_id is None else Access(**from_row(row)),
        room=room_of(row),
    )


# Cached: building such a statement takes longer than running it.
@functools.cache
def _bounds(*, is_by_key: bool) -> Select[Any]:
    organisation, maker = tables.organisation.c, tables.api_key.alias("maker")
    bounds = select_room().add_columns(organisation.lifetime_max_days, organisation.lifetime_default_days)
    if not is_by_key:
        return bounds
    is_maker = maker.c.id == bindparam("maker_id")
    return bounds.add_columns(*(maker.c[name] for name in SETTINGS)).join(maker, is_maker)
