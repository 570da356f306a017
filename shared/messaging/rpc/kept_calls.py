"""Kept calls: RPC over connections that are kept from one call to the next. No answer is CallFailed.

A connection serves one call at a time; as many are open as calls have run at once, and few of them are kept idle. One
over which a call failed is given up; one that had broken while idle is replaced, and the call made once more.
"""

import contextlib
from collections import deque
from typing import Any, Protocol

from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.exceptions import RemoteError, RpcTimeout, UnknownService

from shared.contracts.errors import ServiceError
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, require_answer_of
from shared.messaging.rpc.client import RpcClient

IDLE_MAX = 4
_BROKEN = (AMQPError, KombuError, OSError, RuntimeError)


class Calls(Protocol):
    """RPC, however it is carried."""

    def call(self, service: str, method: str, *arguments: Any) -> Any:
        """Calls with plain JSON values, returns one. Raises CallFailed, or the ServiceError that was answered."""
        ...


class KeptCalls:
    """From any thread. `lapses`: as of RpcClient."""

    def __init__(
        self, amqp_uri: str, accounts: Accounts = ALL_BELIEVED, *, seconds_max: float, lapses: bool = False
    ) -> None:
        self._amqp_uri, self._accounts, self._seconds_max, self._lapses = amqp_uri, accounts, seconds_max, lapses
        self._idle: deque[RpcClient] = deque()

    def call(self, service: str, method: str, *arguments: Any) -> Any:
        """Calls with plain JSON values, returns one. Raises CallFailed, or the ServiceError that was answered."""
        try:
            while self._idle:
                try:
                    client = self._idle.pop()
                except IndexError:
                    break
                try:
                    return self._ask(client, service, method, arguments)
                except _BROKEN:
                    continue
            require_answer_of(self._amqp_uri, self._seconds_max)
            client = RpcClient(self._amqp_uri, timeout=self._seconds_max, accounts=self._accounts, lapses=self._lapses)
            client.start()
            return self._ask(client, service, method, arguments)
        except (RpcTimeout, UnknownService, RemoteError, *_BROKEN) as error:
            raise CallFailed(f"{service}.{method}: {type(error).__name__}") from error

    def _ask(self, client: RpcClient, service: str, method: str, arguments: tuple[Any, ...]) -> Any:
        try:
            answer = getattr(client.cluster[service], method)(*arguments)
        except ServiceError:
            self._keep(client)
            raise
        except BaseException:
            _end(client)
            raise
        self._keep(client)
        return answer

    def _keep(self, client: RpcClient) -> None:
        if len(self._idle) < IDLE_MAX:
            self._idle.append(client)
        else:
            _end(client)


def _end(client: RpcClient) -> None:
    with contextlib.suppress(*_BROKEN):  # it may be broken, which is why it ends
        client.stop()
