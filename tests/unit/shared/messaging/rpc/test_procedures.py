"""What stands between the wire and a service's method."""

import pytest
from marshmallow import Schema, fields
from sqlalchemy.exc import OperationalError

from shared.contracts.errors import InvalidArguments, NotFound, Unavailable
from shared.messaging.rpc.procedures import procedure


class Asked(Schema):
    key_id = fields.String(required=True)
    limit = fields.Integer(strict=True)


class Answer(Schema):
    id = fields.String()


class Service:
    name = "tests"

    @procedure(Asked(), Answer())
    def get(self, key_id: str, limit: int = 20) -> dict[str, object]:
        if key_id == "unknown":
            raise NotFound("no such key")
        if key_id == "away":
            raise OperationalError("SELECT secret FROM place", {}, Exception("host db.internal"))
        return {"id": f"{key_id} {limit}", "digest": "not for others"}


def test_arguments_go_by_position_or_by_name_and_only_what_the_schema_names_leaves() -> None:
    assert Service().get("k") == {"id": "k 20"}
    assert Service().get("k", limit=3) == {"id": "k 3"}


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((), {}, "key_id"),
        ((7,), {}, "key_id"),
        (("k", "many"), {}, "limit"),
        (("k",), {"key_id": "k"}, "key_id"),
        (("k",), {"colour": "red"}, "colour"),
        (("k", 1, 2), {}, "key_id, limit"),
    ],
    ids=["missing", "wrong type", "wrong type by position", "twice", "unknown", "too many"],
)
def test_what_does_not_fit_is_refused_by_name(args: tuple[object, ...], kwargs: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidArguments, match=named):
        Service().get(*args, **kwargs)  # type: ignore[arg-type]  # as they come off the wire


def test_a_refusal_keeps_its_name() -> None:
    with pytest.raises(NotFound, match="no such key"):
        Service().get("unknown")


def test_a_database_that_is_away_is_said_without_what_the_driver_says() -> None:
    with pytest.raises(Unavailable) as raised:
        Service().get("away")
    assert str(raised.value) == "tests's database does not answer"
