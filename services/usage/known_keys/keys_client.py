"""RPC client of the keys service: names and labels of keys for alerts, lifecycle events for activity.

Over kept connections: each page of activity asks, and each alert.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.errors import NotFound, Unavailable
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls

_SECONDS_MAX = 5.0


class KeysClient:
    """Answers are those of `keys.get_key` and `keys.history`; both raise NotFound and Unavailable."""

    def __init__(self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._calls = KeptCalls(amqp_uri, accounts, seconds_max=_SECONDS_MAX)

    def get_key(self, organisation_id: str, key_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("get_key", organisation_id, key_id)
        return answer

    def history(self, organisation_id: str, key_id: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`where`: as `keys.history` takes it."""
        answer: list[dict[str, Any]] = self._ask("history", organisation_id, key_id, where)
        return answer

    def names(self, organisation_id: str, key_ids: Iterable[str]) -> dict[str, str]:
        """Key id → name. Leaves out deleted keys, and all that are left to ask once keys does not answer."""
        names: dict[str, str] = {}
        with contextlib.suppress(Unavailable):
            for key_id in key_ids:
                with contextlib.suppress(NotFound):
                    names[key_id] = self.get_key(organisation_id, key_id)["name"]
        return names

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return self._calls.call("keys", method, *arguments)
        except CallFailed as error:
            raise Unavailable(str(error)) from error
