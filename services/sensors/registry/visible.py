"""What of the sensors a caller may see. Every query made for a caller takes it, so that none forgets to ask."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CompoundSelect, Select, Table, select

from services.sensors import tables
from shared.gate.grants.grant import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """The sensors of one organisation. `networks`: of these alone; None: of all, and of none.

    `open_only`: what belongs to a network that is closed to keys is not seen.
    """

    organisation_id: str
    networks: frozenset[str] | None = None
    open_only: bool = False

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query, which reads table `sensor`, for the visible ones alone."""
        return self.within(query, tables.sensor)

    def within(self, query: Select[Any], table: Table) -> Select[Any]:
        """The same for any table whose rows have an `organisation_id`, and a `network_id` that may be null."""
        query = query.where(table.c.organisation_id == self.organisation_id)
        if self.networks is not None:
            query = query.where(table.c.network_id.in_(self._existing(self.networks)))
        if self.open_only:
            query = query.where(table.c.network_id.is_(None) | table.c.network_id.not_in(self._closed()))
        return query

    def of_networks(self, query: Select[Any]) -> Select[Any]:
        """The query, which reads table `network`, for the visible ones alone. A closed one is seen, not its sensors."""
        table = tables.network
        query = query.where(table.c.organisation_id == self.organisation_id)
        return query if self.networks is None else query.where(table.c.id.in_(sorted(self.networks)))

    def _existing(self, networks: frozenset[str]) -> Select[Any]:
        """Events outlive their network; who is bound to one that was deleted sees nothing."""
        table = tables.network
        return select(table.c.id).where(
            table.c.organisation_id == self.organisation_id, table.c.id.in_(sorted(networks))
        )

    def _closed(self) -> CompoundSelect[Any]:
        """Closed to keys, or it was so when it was deleted."""
        table, deleted = tables.network, tables.closed_network
        closed = select(table.c.id).where(
            table.c.organisation_id == self.organisation_id, table.c.api_access.is_(False)
        )
        return closed.union_all(select(deleted.c.id).where(deleted.c.organisation_id == self.organisation_id))


def visible_to(grant: Grant) -> Visible:
    """What the key that makes a request may see."""
    return Visible(organisation_id=grant.organisation_id, networks=grant.networks, open_only=True)
