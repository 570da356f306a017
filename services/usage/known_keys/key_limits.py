"""Limits of known keys: the tier's, lowered by their own."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, select

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


def day_limit_in_sql(tx: Connection, policy: Mapping[str, Limits]) -> ColumnElement[int | None]:
    """What limits_of tells of the day, of rows of known_key that are joined with their organisations; null: none."""
    own, organisation = tables.known_key.c.day_limit, tables.known_organisation
    cases: list[tuple[ColumnElement[bool], ColumnElement[int | None]]] = [(false(), own)]  # CASE takes one at least
    for tier, contract in tx.execute(select(organisation.c.tier, organisation.c.contract).distinct()):
        limits = limits_by(tier, contract_of(contract), policy)
        if limits is not None:
            is_theirs = and_(organisation.c.tier == tier, organisation.c.contract.is_not_distinct_from(contract))
            cases.append((is_theirs, own if limits.day is None else case((own < limits.day, own), else_=limits.day)))
    return case(*cases)
