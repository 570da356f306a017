"""Which networks an organisation has, as keys asks it: sensors in this very process, and no message."""

from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from services.keys.commands.network_checks import NetworksAway
from services.sensors.networks.queries import NetworkQueries
from shared.sql.database import DatabaseBusy


class NearNetworks:
    def __init__(self, queries: NetworkQueries) -> None:
        self._queries = queries

    def networks_of(self, organisation_id: str) -> Mapping[str, str]:
        """Id → name. Raises NetworksAway."""
        try:
            return {network.id: network.name for network in self._queries.networks_of(organisation_id).networks}
        except (SQLAlchemyError, DatabaseBusy) as error:
            raise NetworksAway from error
