"""Limits of known keys: the tier's, lowered by their own."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from services.usage import tables
from shared.gate.grants.grant import Limits
from shared.sql.in_values import in_values


def limits_of(tx: Connection, key_ids: Iterable[str], policy: Mapping[str, Limits]) -> dict[str, Limits]:
    """key → its limits, for known keys of a known tier. `policy`: tier → limits."""
    key, organisation = tables.known_key, tables.known_organisation
    query = select(key.c.key_id, key.c.minute_limit, key.c.day_limit, organisation.c.tier)
    query = query.join(organisation, organisation.c.organisation_id == key.c.organisation_id)
    rows = tx.execute(query.where(in_values(tx, key.c.key_id, list(key_ids))))
    return {row.key_id: policy[row.tier].lowered(row.minute_limit, row.day_limit) for row in rows if row.tier in policy}
