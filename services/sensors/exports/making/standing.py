"""Standing of the key that asked for an export: asked of auth over RPC, by the key's id, before each part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.contracts.errors import NotFound, ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, call

PERMISSION = "sensors:read"
_SECONDS_MAX = 5.0
_UNDECIDED = frozenset({"log-diverged", "unavailable", "gate-not-fresh"})


class Undecided(Exception):
    """Nobody can say now what the key may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`refusal`: what the key would get for reading sensors; None: it may. `networks`: of these alone; None: of all."""

    refusal: str | None = None
    networks: frozenset[str] | None = None


AskStanding = Callable[[str, str], Standing]
"""(organisation, key) → its standing now. Raises Undecided."""


def nobody_to_ask(_organisation_id: str, _key_id: str) -> Standing:
    raise Undecided


class RemoteStanding:
    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._amqp_uri, self._accounts = amqp_uri, accounts

    def of_key(self, organisation_id: str, key_id: str) -> Standing:
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
            return Standing(refusal="invalid-key")
        except (CallFailed, ServiceError) as error:
            raise Undecided from error
        problem = told["problem"]
        if problem in _UNDECIDED:
            raise Undecided
        networks = told["networks"]
        return Standing(
            refusal=None if told["valid"] else str(problem), networks=None if networks is None else frozenset(networks)
        )
