"""Queries for networks, for HTTP, RPC and commands alike. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Select, func, select

from services.sensors import tables
from services.sensors.networks.events import Detection
from services.sensors.networks.network import NoSuchNetwork
from services.sensors.registry.visible import Visible
from shared.sql.database import Database
from shared.sql.keyset import By, read_page
from shared.values.timestamps import from_rfc3339

NETWORKS_MAX = 1_000
# Whether sensors may join a network.
TAKES_SENSORS = tables.network.c.accepts_new.is_(True) & tables.network.c.archived.is_(False)
_ORDER = (By(tables.network.c.created_at), By(tables.network.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView:
    """`sensor_count`: of the sensors that its asker may see."""

    id: str
    name: str
    description: str | None
    organization_id: str
    sensor_count: int
    api_access: bool
    accepts_new: bool
    archived: bool
    detection: Detection
    created_at: datetime
    revision: int


class NetworkName(NamedTuple):
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkNames:
    networks: tuple[NetworkName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPage:
    """`place`: where the next page begins; None on the last. `total`: of networks on all pages."""

    networks: tuple[NetworkView, ...]
    place: tuple[str, str] | None
    total: int


class SeveralNetworks(Exception):
    """More than one network has the name that was given."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"several networks have this name; say which by its id: {', '.join(ids)}")


class NetworkQueries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get_network(self, visible: Visible, network_id: str) -> NetworkView:
        """Raises NoSuchNetwork, the same whether the network is another's or is nowhere."""
        with self._database.reading(once=True) as tx:
            row = tx.execute(_shown(visible).where(tables.network.c.id == network_id)).one_or_none()
        if row is None:
            raise NoSuchNetwork
        return _view(row)

    def list_networks(
        self, visible: Visible, limit: int, after: tuple[str, str] | None = None, offset: int = 0
    ) -> NetworkPage:
        """Oldest first, past `after` (time and id; None: from the first) and `offset` more."""
        counted = visible.of_networks(select(func.count()).select_from(tables.network))
        with self._database.reading() as tx:
            rows, last = read_page(tx, _shown(visible).offset(offset), _ORDER, after, limit)
            total = tx.execute(counted).scalar_one()
        place = None if last is None else (last.created_at, last.id)
        return NetworkPage(networks=tuple(map(_view, rows)), place=place, total=total)

    def networks_of(self, organisation_id: str) -> NetworkNames:
        """All of an organisation, which has NETWORKS_MAX at most, oldest first."""
        with self._database.reading(once=True) as tx:
            rows = tx.execute(named(organisation_id).limit(NETWORKS_MAX)).all()
        return NetworkNames(networks=tuple(NetworkName(row.id, row.name) for row in rows))

    def find(self, organisation_id: str, name_or_id: str) -> str:
        """The id. Raises NoSuchNetwork or SeveralNetworks."""
        known = self.networks_of(organisation_id).networks
        found = [one.id for one in known if one.id == name_or_id] or [one.id for one in known if one.name == name_or_id]
        if not found:
            raise NoSuchNetwork
        if len(found) > 1:
            raise SeveralNetworks(found)
        return found[0]


def named(organisation_id: str) -> Select[Any]:
    """Ids and names of an organisation's networks, oldest first."""
    table = tables.network
    query = select(table.c.id, table.c.name).where(table.c.organisation_id == organisation_id)
    return query.order_by(table.c.created_at, table.c.id)


def _shown(visible: Visible) -> Select[Any]:
    sensor, table = tables.sensor, tables.network
    members = visible.of(select(func.count()).select_from(sensor).where(sensor.c.network_id == table.c.id))
    return visible.of_networks(select(table, members.correlate(table).scalar_subquery().label("sensor_count")))


def _view(row: Row[Any]) -> NetworkView:
    return NetworkView(
        id=row.id,
        name=row.name,
        description=row.description,
        organization_id=row.organisation_id,
        sensor_count=row.sensor_count,
        api_access=row.api_access,
        accepts_new=row.accepts_new,
        archived=row.archived,
        detection=msgspec.json.decode(row.detection, type=Detection),
        created_at=from_rfc3339(row.created_at),
        revision=row.revision,
    )
