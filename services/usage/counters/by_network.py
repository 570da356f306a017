"""Requests by network: of those whose answers were about one network, how many each of them had."""

from sqlalchemy import BigInteger, Connection, cast, func, select

from services.usage.counters.counters import StepTables

NETWORKS_MAX = 100


def by_network(tx: Connection, owned: StepTables, owner: str, first: int, last: int, step: int) -> dict[str, int]:
    """Network → requests in the minutes [first, last)."""
    counter = owned.within(tx, owner, first, last, step).c
    requests = cast(func.sum(counter.requests), BigInteger)
    query = select(counter.network_id, requests).group_by(counter.network_id)
    return {row[0]: row[1] for row in tx.execute(query)}
