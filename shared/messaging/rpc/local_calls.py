"""Local calls: procedures of services of this process, called without the bus; the same checks, the same answers.

Embedded, a message to oneself costs more than most questions.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from shared.contracts.errors import ServiceError
from shared.messaging.entrypoints import Provided
from shared.messaging.rpc.call import CallFailed

_log = structlog.get_logger(__name__)


class LocalCalls:
    """`services`: their classes. `provided`: what the composition root made for them. Nobody is named as the caller.

    A call takes as long as its procedure, whose questions have bounds of their own: nobody else would answer meanwhile.
    """

    def __init__(self, services: Iterable[type[Any]], provided: Mapping[str, object]) -> None:
        self._services = {service.name: _instance(service, provided) for service in services}

    def call(self, service: str, method: str, *arguments: Any) -> Any:
        """Calls with plain JSON values, returns one. Raises CallFailed, or the ServiceError that was answered."""
        try:
            return getattr(self._services[service], method)(*arguments)
        except ServiceError:
            raise
        except Exception as error:
            _log.exception("local_call_failed", service=service, method=method)
            raise CallFailed(f"{service}.{method}: {type(error).__name__}") from error


def _instance(service: type[Any], provided: Mapping[str, object]) -> Any:
    made = service()
    for name, declared in vars(service).items():
        if isinstance(declared, Provided):
            setattr(made, name, provided[declared.name])
    made.sender = None
    return made
