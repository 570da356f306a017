"""Requests by network: of those whose answers were about one network, how many each of them had."""

from sqlalchemy import BigInteger, Connection, Select, cast, func, select

from services.usage import tables
from services.usage.counters.counters import NETWORKS

NETWORKS_MAX = 100


def keys_of(organisation_id: str) -> Select[str]:
    """The organisation's keys, without deleted ones."""
    known = tables.known_key.c
    return select(known.key_id).where(known.organisation_id == organisation_id)


def by_network(tx: Connection, keys: str | Select[str], first: int, last: int, step: int) -> dict[str, int]:
    """Network → requests in the minutes [first, last). `keys`: an id, or a query of ids."""
    counter = NETWORKS.within(tx, keys, first, last, step).c
    requests = cast(func.sum(counter.requests), BigInteger)
    query = select(counter.network_id, requests).group_by(counter.network_id)
    return {row[0]: row[1] for row in tx.execute(query)}
