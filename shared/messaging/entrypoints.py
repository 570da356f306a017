"""What a nameko service class is made of here, beside nameko's own: `follows`, `hears`, `Provided`."""

from typing import Any

from nameko.extensions import DependencyProvider
from nameko.messaging import consume

from shared.messaging.exchanges import durable_queue

COMPOSITION = "COMPOSITION"


def follows(follower: str, service: str) -> Any:
    """Entrypoint: every event of a service's log, one queue for all instances of the follower.

    The method must not raise: nameko would acknowledge the message and forget it.
    """
    return consume(queue=durable_queue(follower, service))


def hears(follower: str, service: str, type_: str) -> Any:
    """Entrypoint: one type of a service's events."""
    return consume(queue=durable_queue(follower, service, type_))


class Provided(DependencyProvider):
    """Hands a service the plain object that the composition root made under this name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.container.config[COMPOSITION][self._name]
