"""Operations that answer in more than one media type: which one, and what caches are told of it."""

from typing import Any, cast

import msgspec
import pytest

from shared.web.operation import Answer, Call, StrictSchema, operation, operation_of


class Thing:
    @operation("Show it", tag="Things", permission=None, answers=StrictSchema, alternatives=("text/csv",))
    def on_get(self, call: Call[None, None]) -> Answer:
        return Answer(body=call.media_type, headers={"X-Thing": "1"})

    @operation("Change it", tag="Things", permission=None, answers=StrictSchema)
    def on_put(self, call: Call[None, None]) -> Answer:
        return Answer(body=call.media_type)


def ask(method: str, accept: str | None) -> Answer:
    declared, thing = operation_of(Thing, method), Thing()
    assert declared is not None
    environ = {} if accept is None else {"HTTP_ACCEPT": accept}
    return declared.serve(thing, cast("Any", None), "", environ, None, "req_1", {}, lambda: 0.0, "127.0.0.1")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/Csv", "text/csv"),
        ("application/json;Q=0.5, text/csv", "text/csv"),
        ("nonsense", "application/json"),
    ],
)
def test_the_caller_s_choice_is_taken_whatever_its_case_and_caches_are_told(
    accept: str | None, media_type: str
) -> None:
    answer = ask("GET", accept)
    assert msgspec.json.decode(answer.data()) == media_type
    assert answer.headers == {"X-Thing": "1", "Vary": "Accept", "ETag": answer.headers["ETag"]}


def test_where_there_is_no_choice_nothing_varies() -> None:
    assert ask("PUT", "text/csv").headers == {}
