"""What an error is called on the wire: frozen, wherever its class lives."""

import json

import kombu.serialization
import pytest
from nameko.exceptions import deserialize, serialize

import shared.messaging.rpc.procedures  # noqa: F401  registers them
from shared.contracts import errors

FROZEN = {
    "grillo.errors.ServiceError",
    "grillo.errors.NotFound",
    "grillo.errors.Conflict",
    "grillo.errors.InvalidArguments",
    "grillo.errors.Unavailable",
    "grillo.errors.NotAllowed",
}


def test_no_error_has_changed_its_name() -> None:
    assert {serialize(error("a text"))["exc_path"] for error in errors.ALL} == FROZEN


def test_a_class_that_moved_to_another_module_keeps_its_name() -> None:
    moved = type("NotFound", (Exception,), {"__module__": errors.WIRE_MODULE})  # as if declared in this file
    assert serialize(moved("no such key"))["exc_path"] == "grillo.errors.NotFound"


@pytest.mark.parametrize("error", errors.ALL, ids=lambda error: error.__name__)
def test_an_error_arrives_as_it_was_sent(error: type[Exception]) -> None:
    _, _, sent = kombu.serialization.dumps(serialize(error("no such key")), "json")
    arrived = deserialize(json.loads(sent))
    assert type(arrived) is error
    assert str(arrived) == "no such key"
