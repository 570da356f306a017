"""Limits of known keys: the tier's, lowered by their own."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, select

from services.usage import tables
from shared.contracts.keys import contract_of
from shared.gate.grants.grant import Limits, limits_by
from shared.sql.in_values import is_wanted, listed


def limits_of(tx: Connection, key_ids: Iterable[str], policy: Mapping[str, Limits]) -> dict[str, Limits]:
    """key → its limits, for known keys of a known tier. `policy`: tier → limits."""
    dialect = tx.dialect.name
    rows = tx.execute(_limits(dialect), {"wanted": listed(dialect, key_ids)})
    found = ((row, limits_by(row.tier, contract_of(row.contract), policy)) for row in rows)
    return {row.key_id: limits.lowered(row.minute_limit, row.day_limit) for row, limits in found if limits is not None}


@functools.cache
def _limits(dialect: str) -> Select[Any]:
    key, organisation = tables.known_key, tables.known_organisation
    query = select(key.c.key_id, key.c.minute_limit, key.c.day_limit, organisation.c.tier, organisation.c.contract)
    query = query.join(organisation, organisation.c.organisation_id == key.c.organisation_id)
    return query.where(is_wanted(dialect, key.c.key_id))
