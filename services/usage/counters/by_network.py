"""Requests by network: of those whose answers were about one network, how many each of them had."""

from sqlalchemy import Connection, select

from services.usage.counters.counters import StepTables, sum_of

NETWORKS_MAX = 100


def by_network(tx: Connection, owned: StepTables, owner: str, first: int, last: int, step: int) -> dict[str, int]:
    """Network → requests in the minutes [first, last)."""
    counter = owned.within(tx, owner, first, last, step).c
    query = select(counter.network_id, sum_of(counter.requests)).group_by(counter.network_id)
    return {row[0]: row[1] for row in tx.execute(query)}
