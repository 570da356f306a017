"""Rows of organisations' tiers, which set the limits of their keys: written with a checksum, read only if it fits."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from services.auth import tables
from shared.contracts.keys import Contract, contract_of, contract_text
from shared.gate.grants.grant import ENTERPRISE
from shared.observability import metrics
from shared.values.row_checksum import fits, row_checksum


def as_row(organisation_id: str, tier: str, contract: Contract | None) -> Mapping[str, object]:
    values = {"organisation_id": organisation_id, "tier": tier, "contract": contract_text(contract)}
    return values | {"checksum": row_checksum(*values.values())}


def read_tiers(tx: Connection) -> tuple[dict[str, str], dict[str, Contract], frozenset[str]]:
    """By organisation: tiers, contracts; and the organisations whose row is damaged, which are in neither; counted."""
    tiers, contracts, damaged = dict[str, str](), dict[str, Contract](), set[str]()
    for row in tx.execute(select(tables.organisation_tier)):
        if not _is_sound(row):
            damaged.add(row.organisation_id)
            continue
        tiers[row.organisation_id] = row.tier
        if (contract := contract_of(row.contract)) is not None:
            contracts[row.organisation_id] = contract
    _count(damaged)
    return tiers, contracts, frozenset(damaged)


def damaged_tiers(tx: Connection, after: str = "", limit: int | None = None) -> frozenset[str]:
    """Organisations whose row is not as it was written, among the next ones after an id; counted."""
    table = tables.organisation_tier
    query = select(table).where(table.c.organisation_id > after).order_by(table.c.organisation_id).limit(limit)
    damaged = frozenset(row.organisation_id for row in tx.execute(query) if not _is_sound(row))
    _count(damaged)
    return damaged


def _is_sound(row: Row[Any]) -> bool:
    """A release before contracts, that still ran, knew of none, and changed no checksum."""
    if row.tier == ENTERPRISE and contract_of(row.contract) is None:
        return False
    return fits(row.checksum, row.organisation_id, row.tier, row.contract)


def _count(damaged: frozenset[str] | set[str]) -> None:
    if damaged:
        metrics.damaged_rows.labels("organisation_tier").inc(len(damaged))
