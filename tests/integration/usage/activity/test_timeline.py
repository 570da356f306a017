"""One timeline of a key's life and its requests: in order, page by page, filtered, and as a file."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from services.usage.activity.csv_export import COLUMNS, as_csv
from services.usage.activity.timeline import EVERYTHING, ActivityFilter, ActivityTimeline, TimelineEntry
from services.usage.intake.metering import Metering
from services.usage.known_keys.keys_client import KeysClient
from shared.contracts.errors import Unavailable
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests.examples import NOON
from tests.usage_examples import batch, in_range, record


class Keys:
    """The keys service, as usage asks it: a life of two events, or no answer. `asked`: the ranges asked for."""

    is_away = False

    def __init__(self) -> None:
        self.life = [_happening(1, "KeyCreated", -3600), _happening(2, "KeySuspended", 20)]
        self.asked: list[Mapping[str, Any]] = []

    def history(self, organisation_id: str, key_id: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.is_away:
            raise Unavailable("keys does not answer")
        self.asked.append(where)
        return in_range(self.life, where)


def _happening(revision: int, type_: str, seconds: float) -> Mapping[str, Any]:
    at = rfc3339(NOON + timedelta(seconds=seconds))
    return {"revision": revision, "type": type_, "at": at, "actor": "ops", "request_id": "req_ops", "facts": {}} | (
        {} if revision == 1 else {"on_behalf_of": "anna@railway.example"}
    )


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def activity(usage_database: Database, keys: Keys) -> ActivityTimeline:
    return ActivityTimeline(usage_database, cast("KeysClient", keys))


def names(entries: tuple[TimelineEntry, ...]) -> list[str]:
    return [entry.request.request_id if entry.request else (entry.lifecycle or {})["type"] for entry in entries]


def read(activity: ActivityTimeline, limit: int, wanted: ActivityFilter = EVERYTHING) -> list[str]:
    """Page by page to the end."""
    found: list[str] = []
    after = None
    while True:
        page = activity.page("org_railway", "key_a", limit, wanted, after)
        assert len(page.entries) <= limit
        found += names(page.entries)
        after = page.next_place
        if after is None:
            return found


def everything(activity: ActivityTimeline, wanted: ActivityFilter = EVERYTHING) -> Iterator[TimelineEntry]:
    return activity.everything("key_a", wanted, activity.life("org_railway", "key_a", wanted))


@pytest.fixture
def used(metering: Metering) -> None:
    """Requests over two days; two at the same moment as the suspension, the rest apart."""
    metering.take_in(
        batch(
            record(20, request_id="same 1"),
            record(20, request_id="same 2", status=429, cost=0, problem="quota-exceeded", address="192.0.2.8"),
            record(30, request_id="late", route="/v1/events", status=404, user_agent="=HYPERLINK(1)"),
            record(-86_400, request_id="yesterday"),
            record(25, request_id="another's", key_id="key_b"),
        )
    )


ALL = ["late", "same 2", "same 1", "KeySuspended", "KeyCreated", "yesterday"]


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
def test_pages_of_any_size_show_everything_once_newest_first(activity: ActivityTimeline, limit: int) -> None:
    assert read(activity, limit) == ALL


def test_of_a_long_life_no_more_is_asked_for_than_a_page_shows(activity: ActivityTimeline, keys: Keys) -> None:
    """Changes by one request are at the same moment: their order is that of their revisions."""
    keys.life = [_happening(revision, f"change {revision}", revision // 3) for revision in range(1, 20)]
    assert read(activity, 4) == [f"change {revision}" for revision in range(19, 0, -1)]
    assert {where["newest"] for where in keys.asked} == {5}


@pytest.mark.usefixtures("used")
def test_what_is_written_between_two_pages_moves_nothing(activity: ActivityTimeline, metering: Metering) -> None:
    first = activity.page("org_railway", "key_a", 2)
    metering.take_in(batch(record(40, request_id="newer"), record(10, request_id="older"), start=10_000))
    rest = activity.page("org_railway", "key_a", 100, EVERYTHING, first.next_place)
    assert names(first.entries) + names(rest.entries) == [*ALL[:4], "older", *ALL[4:]]


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ActivityFilter(statuses=(400, 499)), ["late", "same 2"]),
        (ActivityFilter(statuses=(429, 429)), ["same 2"]),
        (ActivityFilter(route="/v1/events"), ["late"]),
        (ActivityFilter(address="192.0.2.8"), ["same 2"]),
        (ActivityFilter(request_id="same 1"), ["same 1"]),
        (ActivityFilter(request_id="req_ops"), ["KeySuspended", "KeyCreated"]),
        (ActivityFilter(request_id="nobody's"), []),
        (ActivityFilter(start=NOON + timedelta(seconds=20), end=NOON + timedelta(seconds=30)), ALL[1:4]),
        (ActivityFilter(statuses=(200, 200), end=NOON), ["yesterday"]),
    ],
    ids=str,
)
def test_filters_leave_what_meets_all_of_them(
    activity: ActivityTimeline, wanted: ActivityFilter, expected: list[str]
) -> None:
    assert read(activity, 2, wanted) == expected


@pytest.mark.usefixtures("used")
def test_a_request_says_why_it_was_refused(activity: ActivityTimeline) -> None:
    (entry,) = activity.page("org_railway", "key_a", 10, ActivityFilter(request_id="same 2")).entries
    assert entry.request is not None
    assert (entry.request.status, entry.request.problem) == (429, "quota-exceeded")


def test_refusals_that_were_counted_together_say_how_many_they_are(
    activity: ActivityTimeline, metering: Metering
) -> None:
    metering.take_in(batch(record(1, status=401, cost=0, requests=40), record(0)))
    entries = tuple(everything(activity, ActivityFilter(statuses=(200, 499))))
    assert [entry.request.requests for entry in entries if entry.request] == [40, 1]
    rows = csv.DictReader(io.StringIO(b"".join(as_csv(entries)).decode("utf-8-sig")))
    assert [row["requests"] for row in rows] == ["40", "1"]


@pytest.mark.usefixtures("used")
def test_what_keys_cannot_tell_is_not_left_out_in_silence(activity: ActivityTimeline, keys: Keys) -> None:
    keys.is_away = True
    with pytest.raises(Unavailable):
        activity.page("org_railway", "key_a", 10)
    assert read(activity, 10, ActivityFilter(statuses=(429, 429))) == [
        "same 2"
    ]  # nobody else has to be asked for these


@pytest.mark.usefixtures("used")
def test_who_wants_requests_alone_asks_nobody_of_the_key_s_life(activity: ActivityTimeline, keys: Keys) -> None:
    keys.is_away = True
    shown = names(activity.page("org_railway", "key_a", 100, ActivityFilter(only_requests=True)).entries)
    keys.is_away = False
    both = names(activity.page("org_railway", "key_a", 100).entries)
    assert shown == [name for name in both if not name.startswith("Key")] != both


@pytest.mark.usefixtures("used")
def test_a_file_holds_all_of_it_and_no_formula(activity: ActivityTimeline) -> None:
    raw = b"".join(as_csv(everything(activity)))
    assert raw.startswith(codecs.BOM_UTF8)  # without it a spreadsheet takes the file for its own system's encoding
    text = raw.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["request_id"] if row["kind"] == "request" else row["what"] for row in rows] == ALL
    assert {row["on_behalf_of"] for row in rows if row["what"] == "KeySuspended"} == {"anna@railway.example"}
    assert rows[0]["user_agent"] == "'=HYPERLINK(1)"


def test_a_large_file_comes_in_pieces(activity: ActivityTimeline, metering: Metering) -> None:
    metering.take_in(batch(*(record(number / 1000, request_id=f"r{number}") for number in range(2500))))
    pieces = list(as_csv(everything(activity)))
    assert max(map(len, pieces)) < 20_000
    lines = b"".join(pieces).splitlines()
    assert len(set(lines)) == len(lines) == 1 + 2500 + 2
