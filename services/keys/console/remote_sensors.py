"""Networks and sensors, asked of the sensors service over RPC, and changed there: a second at most for each call.

What sensors has not taken within that second is never done.
"""

from typing import Any

import msgspec

from services.keys.console.pages.networks.network_states import (
    NetworkPage,
    NetworkRefused,
    NetworkSettings,
    NetworkState,
    NoSuchNetwork,
    SensorPage,
    SensorsAway,
)
from shared.contracts.errors import Conflict, InvalidArguments, NotFound, ServiceError
from shared.eventsourcing.origin import Origin
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls

_SECONDS_MAX = 1.0
_ROWS = 20


class RemoteSensors:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._calls = KeptCalls(amqp_uri, accounts, seconds_max=_SECONDS_MAX, lapses=True)

    def networks(self, organisation_id: str, after: str) -> NetworkPage:
        """Raises SensorsAway."""
        page: NetworkPage = self._ask("network_states", NetworkPage, organisation_id, _ROWS, after)
        return page

    def sensors(self, organisation_id: str, network_id: str, after: str) -> SensorPage:
        """Raises NoSuchNetwork or SensorsAway."""
        page: SensorPage = self._ask("sensor_states", SensorPage, organisation_id, network_id, _ROWS, after)
        return page

    def network(self, organisation_id: str, network_id: str) -> NetworkState:
        """Raises NoSuchNetwork or SensorsAway."""
        page: SensorPage = self._ask("sensor_states", SensorPage, organisation_id, network_id, 1, "")
        return page.network

    def create(self, organisation_id: str, network_id: str, settings: NetworkSettings, origin: Origin) -> None:
        """Raises NoSuchNetwork, NetworkRefused or SensorsAway."""
        asked = (organisation_id, network_id, msgspec.to_builtins(settings), origin.actor, origin.request_id)
        self._ask("create_network", object, *asked)

    def change(
        self, organisation_id: str, network_id: str, settings: NetworkSettings, revision: int, origin: Origin
    ) -> None:
        """Raises NoSuchNetwork, NetworkRefused or SensorsAway."""
        wanted = msgspec.to_builtins(settings)
        self._ask(
            "change_network", object, organisation_id, network_id, wanted, origin.actor, revision, origin.request_id
        )

    def delete(self, organisation_id: str, network_id: str, name: str, origin: Origin) -> None:
        """Raises NoSuchNetwork, NetworkRefused or SensorsAway."""
        self._ask("delete_network", object, organisation_id, network_id, name, origin.actor, origin.request_id)

    def _ask(self, method: str, kind: Any, *arguments: object) -> Any:
        try:
            return msgspec.convert(self._calls.call("sensors", method, *arguments), type=kind)
        except NotFound:
            raise NoSuchNetwork from None
        except (Conflict, InvalidArguments):
            raise NetworkRefused from None
        except (CallFailed, ServiceError, msgspec.ValidationError) as error:
            raise SensorsAway(method) from error
