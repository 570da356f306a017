"""Places of wide questions: two at once, one of an organisation, and none that is never given back."""

from collections.abc import Iterator

import pytest

from services.usage.http.wide_questions import Stream, WideQuestions
from shared.contracts.errors import InvalidArguments
from shared.web.problems.catalogue import Problem
from shared.web.problems.faults.translation import translated


def refused(places: WideQuestions, organisation_id: str) -> Problem:
    with pytest.raises(Problem) as refusal, places.asking(organisation_id, is_wide=True):
        pass
    return refusal.value


def test_a_second_one_of_an_organisation_is_too_many_and_a_third_in_all_comes_back_later() -> None:
    places = WideQuestions()
    with places.asking("org_1", is_wide=True):
        own = refused(places, "org_1")
        with places.asking("org_2", is_wide=True), places.asking("org_1", is_wide=False):
            others = refused(places, "org_3")
        with places.asking("org_3", is_wide=True):
            pass
    with places.asking("org_1", is_wide=True):
        pass
    assert (own.type.name, own.members["violated-policies"]) == ("quota-exceeded", ["wide-questions"])
    assert others.type.name == "unavailable"
    for problem in (own, others):
        assert 1 <= int(problem.headers["Retry-After"]) <= 5
        assert problem.detail
        assert translated(problem.detail, "fr") != translated(problem.detail, "es") != problem.detail


def test_what_would_read_too_much_says_so_and_holds_no_place() -> None:
    places = WideQuestions()
    for error, kind in ((InvalidArguments("it takes more than 5 s to read: …"), Problem), (KeyError("x"), KeyError)):
        with pytest.raises(kind) as raised, places.asking("org_1", is_wide=True):
            raise error
        assert not isinstance(raised.value, Problem) or raised.value.type.name == "range-too-long"
    with places.asking("org_1", is_wide=True):
        pass


def parts(count: int, *, breaks: bool = False) -> Iterator[bytes]:
    yield from (b"x" for _ in range(count))
    if breaks:
        raise OSError


@pytest.mark.parametrize("end", ["read", "closed", "closed at once", "forgotten", "broken"])
def test_a_stream_holds_its_place_until_it_is_over_however_it_ends(end: str) -> None:
    places = WideQuestions()
    stream: Stream | None = Stream(parts(2, breaks=end == "broken"), places.take("org_1"))
    assert stream is not None
    assert refused(places, "org_1").type.name == "quota-exceeded"
    match end:
        case "read":
            assert b"".join(stream) == b"xx"
        case "closed":
            next(stream)
            stream.close()
        case "closed at once":
            stream.close()
        case "broken":
            with pytest.raises(OSError):
                list(stream)
        case _:
            assert end == "forgotten"
    if end == "forgotten":
        del stream
    places.take("org_1").close()
