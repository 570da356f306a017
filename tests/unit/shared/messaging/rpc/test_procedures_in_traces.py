"""Whatever another service asks for belongs to the trace that it names, in each service class there is."""

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from services.service_registry import SERVICES
from shared.messaging.entrypoints import Sender
from shared.messaging.rpc.entrypoint import Procedure

CLASSES = [one for service in SERVICES.values() for one in service.service_classes()]


def has_procedures(service_class: type) -> bool:
    entrypoints = (getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()) for method in vars(service_class).values())
    return any(isinstance(one, Procedure) for of_method in entrypoints for one in of_method)


@pytest.mark.parametrize(
    "service_class", [one for one in CLASSES if has_procedures(one)], ids=lambda one: str(one.__name__)
)
def test_it_takes_who_asks_and_in_which_trace(service_class: type) -> None:
    assert any(isinstance(one, Sender) for one in vars(service_class).values())
