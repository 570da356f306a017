"""Procedures called within their process: what they answer, and how they fail, is what it is over the bus."""

import pytest
from marshmallow import Schema, fields

from shared.contracts.errors import InvalidArguments, NotFound
from shared.messaging.entrypoints import Provided, Sender
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.local_calls import LocalCalls
from shared.messaging.rpc.procedures import procedure


class Arguments(Schema):
    name = fields.String(required=True)


class Answer(Schema):
    number = fields.Integer()


class NumbersService:
    name = "numbers"
    numbers: dict[str, int] = Provided("numbers.known")
    sender: str | None = Sender()

    @procedure(Arguments(), Answer(many=True))
    def known(self, name: str) -> list[dict[str, object]]:
        if name == "broken":
            raise ZeroDivisionError
        if name not in self.numbers:
            raise NotFound(name)
        return [{"number": self.numbers[name], "of": self.sender, "secret": "x"}]


CALLS = LocalCalls([NumbersService], {"numbers.known": {"one": 1}})


def test_only_what_its_schema_names_is_answered() -> None:
    assert CALLS.call("numbers", "known", "one") == [{"number": 1}]


def test_it_fails_as_over_the_bus() -> None:
    with pytest.raises(InvalidArguments):
        CALLS.call("numbers", "known")
    with pytest.raises(NotFound):
        CALLS.call("numbers", "known", "two")
    for service, method, *arguments in (("numbers", "known", "broken"), ("numbers", "unknown"), ("unknown", "known")):
        with pytest.raises(CallFailed, match=f"{service}.{method}"):
            CALLS.call(service, method, *arguments)
