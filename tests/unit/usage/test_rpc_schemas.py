"""What usage answers over RPC: these shapes are others' to read, and only gain members at their end."""

from services.usage.activity.timeline import Place, Request, TimelineEntry
from services.usage.rpc_schemas import EntryAnswer
from tests.examples import NOON


def test_a_request_in_an_activity_says_how_many_it_stands_for() -> None:
    request = Request(
        at=NOON,
        method="*",
        route="/v1/sensors",
        status=429,
        problem="quota-exceeded",
        address="192.0.2.7",
        user_agent="",
        duration_ms=0.1,
        request_id="req_1",
        requests=37,
        secret_hint=None,
    )
    shown = EntryAnswer().dump(TimelineEntry(at=NOON, place=Place(0, 1, 1), request=request))
    assert list(shown["request"].items()) == [
        ("method", "*"),
        ("route", "/v1/sensors"),
        ("status", 429),
        ("problem", "quota-exceeded"),
        ("address", "192.0.2.7"),
        ("user_agent", ""),
        ("duration_ms", 0.1),
        ("request_id", "req_1"),
        ("requests", 37),
        ("secret_hint", None),
    ]
