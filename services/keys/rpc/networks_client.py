"""RPC client of the sensors service: which networks an organisation has."""

from collections.abc import Mapping

from services.keys.commands.network_checks import NetworksAway
from shared.contracts.errors import ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, call

_SECONDS_MAX = 1.0


class NetworksClient:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._amqp_uri, self._accounts = amqp_uri, accounts

    def networks_of(self, organisation_id: str) -> Mapping[str, str]:
        """Id → name. Raises NetworksAway."""
        try:
            answer = call(
                self._amqp_uri,
                "sensors",
                "networks_of",
                organisation_id,
                seconds_max=_SECONDS_MAX,
                accounts=self._accounts,
            )
        except (CallFailed, ServiceError) as error:
            raise NetworksAway from error
        return {network["id"]: network["name"] for network in answer["networks"]}
