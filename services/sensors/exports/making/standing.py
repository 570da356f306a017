"""Standing of the key that asked for an export: asked of auth over RPC, by the key's id, before each part."""

from collections.abc import Callable
from typing import Any

from shared.contracts.errors import NotFound, ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, call

PERMISSION = "sensors:read"
_SECONDS_MAX = 5.0
_UNDECIDED = frozenset({"log-diverged", "unavailable", "gate-not-fresh"})


class Undecided(Exception):
    """Nobody can say now what the key may do."""


Standing = Callable[[str, str], str | None]
"""(organisation, key) → the refusal that the key would get for reading sensors; None: it may. Raises Undecided."""


def nobody_to_ask(_organisation_id: str, _key_id: str) -> str | None:
    raise Undecided


class RemoteStanding:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._amqp_uri, self._accounts = amqp_uri, accounts

    def refusal(self, organisation_id: str, key_id: str) -> str | None:
        try:
            told: dict[str, Any] = call(
                self._amqp_uri,
                "auth",
                "verify_key",
                organisation_id,
                key_id,
                PERMISSION,
                seconds_max=_SECONDS_MAX,
                accounts=self._accounts,
            )
        except NotFound:
            return "invalid-key"
        except (CallFailed, ServiceError) as error:
            raise Undecided from error
        problem = told["problem"]
        if problem in _UNDECIDED:
            raise Undecided
        return None if told["valid"] else str(problem)
