"""Networks and sensors, asked of the sensors service over RPC, a second at most for each question."""

from typing import Any

import msgspec

from services.keys.console.pages.networks.network_states import NetworkPage, NoSuchNetwork, SensorPage, SensorsAway
from shared.contracts.errors import NotFound, ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls

_SECONDS_MAX = 1.0
_ROWS = 20


class RemoteSensors:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._calls = KeptCalls(amqp_uri, accounts, seconds_max=_SECONDS_MAX)

    def networks(self, organisation_id: str, after: str) -> NetworkPage:
        """Raises SensorsAway."""
        page: NetworkPage = self._ask("network_states", NetworkPage, organisation_id, _ROWS, after)
        return page

    def sensors(self, organisation_id: str, network_id: str, after: str) -> SensorPage:
        """Raises NoSuchNetwork or SensorsAway."""
        page: SensorPage = self._ask("sensor_states", SensorPage, organisation_id, network_id, _ROWS, after)
        return page

    def _ask(self, method: str, kind: Any, *arguments: object) -> Any:
        try:
            return msgspec.convert(self._calls.call("sensors", method, *arguments), type=kind)
        except NotFound:
            raise NoSuchNetwork from None
        except (CallFailed, ServiceError, msgspec.ValidationError) as error:
            raise SensorsAway(method) from error
