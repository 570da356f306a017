"""Details of a key: what it does, what was done to it, how it was, and why a request of it was refused."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.console.pages.key_usage import Spent, Wanted
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.session_fence import Role
from shared.contracts.usage import SECRET_CHARACTERS
from shared.runtime.clock import ManualClock
from tests.examples import NOON, ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create
from tests.integration.keys.console.usage_double import SCRIPT, Usage, request


class Details:
    """The pages of one key, and the usage that they ask."""

    def __init__(self, console: Console, **fields: Any) -> None:
        self.console, self.usage = console, Usage()
        self.browser = Browser(console.at("http://127.0.0.1:8000", self.usage))
        self.browser.sign_in(console.link(name="Anna"))
        create(self.browser, **fields)
        (key_id,) = console.ids()
        self.path = f"/console/keys/{key_id}"

    def get(self, path: str = "") -> Any:
        return self.browser.get(self.path + path)

    def edit(self, **fields: Any) -> None:
        page = self.get("/edit")
        assert self.browser.submit(page, f"{self.path}/edit", **fields).status_code == 200


@pytest.fixture
def details(console: Console) -> Details:
    return Details(console)


def test_use_is_shown_by_status_and_what_is_left_of_the_limits(details: Details) -> None:
    details.usage.requests = (request(user_agent=SCRIPT),)
    details.usage.spent_ = Spent(minute=12, day=3456, day_exhausted_at=NOON + timedelta(hours=3))
    shown = details.get().text
    for words in ("1,234", "1,228", "288 of 300", "96,544 of 100,000", "the day’s limit is used up"):
        assert words in shown, words
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert shown.count('class="bar-hover"') == 24
    assert details.get("?step=minute").text.count('class="bar-hover"') == 60
    assert details.get("?step=day").text.count('class="bar-hover"') == 30
    assert details.get("?step=century").text.count('class="bar-hover"') == 24


def test_what_usage_does_not_answer_is_said_to_be_missing_and_the_rest_is_there(details: Details) -> None:
    details.usage.is_there = False
    missing = details.get()
    assert missing.status_code == 200
    assert missing.text.count("did not answer within a second") == 2
    assert "Complete configuration" in missing.text
    log = details.get("/activity")
    assert log.status_code == 200
    assert "The changes of the key are shown" in log.text
    assert "Created" in log.text
    assert details.get("/activity.csv").status_code == 503
    assert "did not answer" in details.get("/why?request_id=req_1").text
    asked = details.get("/revoke")
    assert "refused by" in details.browser.submit(asked, f"{details.path}/revoke").text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+10:00", "9999-12-31T23:00-10:00", "soon"])
def test_a_time_that_is_none_is_told_and_breaks_no_page(details: Details, moment: str) -> None:
    for path in ("/activity?from=", "/activity?to=", "/past?at=", "/compromised?since="):
        answer = details.get(path + quote(moment))
        assert answer.status_code in (200, 422), path


def test_the_last_change_s_receipt_is_there_later_with_its_proof(signing_console: Console) -> None:
    details = Details(signing_console)
    assert f'href="{details.path}/receipt"' in details.get().text
    assert "known to" in details.get("/receipt").text
    details.browser.submit(details.get("/revoke"), f"{details.path}/revoke")
    page = details.get("/receipt").text
    assert "refused by" in page
    (kept,) = re.findall(r'href="data:application/json,([^"]+)"', page)
    receipt = json.loads(unquote(kept))
    assert [json.loads(row["data"])["key_id"] for row in receipt["proof"]["rows"]] == [details.path.rpartition("/")[2]]
    assert receipt["proof"]["rows"][0]["type"] == "KeyRevoked"


def test_usage_that_takes_its_time_over_each_question_is_not_asked_all_of_them(
    details: Details, clock: ManualClock
) -> None:
    details.usage.before_answering = lambda: clock.advance(0.9)
    asked = details.get().text
    assert asked.count("did not answer within a second") == 1, "two questions of three are over the second"


def test_the_log_is_filtered_and_paged_by_its_url_and_is_a_file(details: Details) -> None:
    details.usage.requests, details.usage.next = (request(status=429, problem="quota-exceeded"),), (7, 1, 3)
    asked = "status=4xx&route=%2Fv1%2Fsensors&address=192.0.2.7&from=2026-11-23T12%3A00"
    page = details.get(f"/activity?{asked}").text
    wanted = Wanted(status="4xx", route="/v1/sensors", address="192.0.2.7", start=NOON)
    assert details.usage.narrowed[-1] == (wanted, None)
    assert "quota-exceeded" in page
    (following,) = re.findall(r'rel="next" href="([^"]+)"', page)
    details.browser.get(following.replace("&amp;", "&"))
    assert details.usage.narrowed[-1] == (wanted, (7, 1, 3))
    (file,) = re.findall(r'href="([^"]+activity\.csv[^"]*)"', page)
    assert parse_qs(urlsplit(file.replace("&amp;", "&")).query).keys() == {"status", "route", "address", "from"}
    answer = details.browser.get(file.replace("&amp;", "&"))
    assert answer.text == "at,kind\r\none,request\r\n"
    assert "attachment" in answer.headers["content-disposition"]
    assert details.usage.narrowed[-1] == (wanted, None)


@pytest.mark.parametrize("asked", ["status=9xx", "address=here", "from=yesterday", f"route={'x' * 101}", "after=x"])
def test_a_filter_that_is_not_understood_is_named_and_not_asked_for(details: Details, asked: str) -> None:
    page = details.get(f"/activity?{asked}")
    assert page.status_code == 200
    assert ('aria-invalid="true"' in page.text) is not asked.startswith("after")
    assert details.usage.narrowed[-1] == (Wanted(), None)


def test_who_set_a_setting_and_when_is_beside_it(details: Details, clock: ManualClock) -> None:
    assert "set " not in _row(details.get().text, "Permissions")
    clock.advance(3600)
    details.edit(minute="7")
    shown = details.get().text
    assert "set " in _row(shown, "Requests a minute")
    assert "You" in _row(shown, "Requests a minute")
    assert "set " not in _row(shown, "Allowed addresses")


def test_as_it_was_stands_beside_as_it_is(details: Details, clock: ManualClock) -> None:
    clock.advance(3600)
    details.edit(name="Quake", minute="7")
    page = details.get("/past?at=2026-11-23T12:30")
    assert page.status_code == 200
    row = _row(page.text, "Name")
    assert "Railway" in row
    assert "Quake" in row
    assert "Changed" in row
    assert "Changed" not in _row(page.text, "Permissions")
    for moment, words in (
        ("2027-11-23T12:30", "not over yet"),
        ("2020-01-01T00:00", "not there yet"),
        ("soon", "date and time"),
        ("0001-01-01T00:00+10:00", "date and time"),
    ):
        refused = details.get(f"/past?at={moment.replace('+', '%2B')}")
        assert (refused.status_code, words in refused.text) == (422, True), moment


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        ("quota-exceeded", 429, "may make 300 requests a minute. And 100,000 a day. And 20 at the same time."),
        ("address-not-allowed", 403, "The request came from 192.0.2.7"),
        ("insufficient-permission", 403, "Its permissions are: Read sensors."),
        ("key-expired", 401, "Change the expiry"),
        ("key-suspended", 401, "no longer suspended"),
        (None, 404, "The key let it pass"),
        (None, 200, "Nothing was refused"),
    ],
)
def test_why_a_request_was_refused_is_told_with_what_helps(
    details: Details, problem: str | None, status: int, words: str
) -> None:
    details.usage.requests = (request(status=status, problem=problem),)
    assert words in details.get("/why?request_id=req_1").text
    assert "No request of this key has this id" in details.get("/why?request_id=req_2").text


def test_what_its_owner_should_know_stands_on_top(console: Console, clock: ManualClock) -> None:
    details = Details(console, expiry="365", allow_query="on")
    clock.advance(timedelta(days=91).total_seconds())
    settings = ChangeSettings(lifetime_max_days=30)
    console.keys.commands.organisations.change_settings(console.organisation_id, settings, ORIGIN)
    details.browser.sign_in(console.link(name="Anna"))
    shown = details.get().text
    for words in ("for 90 days", "longer than the 30 days", "may be sent in URLs"):
        assert words in shown, words
    assert "expires soon" not in shown
    clock.advance(timedelta(days=270).total_seconds())
    details.browser.sign_in(console.link(name="Anna"))
    assert "expires soon" in details.get().text


def test_none_of_a_key_s_pages_is_another_organisation_s(details: Details) -> None:
    other = Browser(details.console.app)
    elsewhere = details.console.keys.commands.organisations.register("Others", "standard", ORIGIN)
    other.sign_in(details.console.keys.sign_in.new_link(elsewhere, Role.OWNER))
    for page in ("/activity", "/activity.csv", "/past?at=2026-11-23T12:00", "/why?request_id=req_1"):
        assert other.get(details.path + page).status_code == 404


def _row(page: str, name: str) -> str:
    """What stands behind this name in a list of facts, or in a table."""
    found = re.search(rf"<(?:dt|th[^>]*)>{name}</(?:dt|th)>(.*?)(?:<dt>|</tr>|</dl>)", page, re.DOTALL)
    assert found is not None, name
    return found[1]


def test_in_a_grace_it_is_shown_whether_and_from_where_the_old_secret_is_used(
    details: Details, clock: ManualClock
) -> None:
    assert 'id="old-secret"' not in details.get().text
    keys, organisation_id = details.console.keys, details.console.organisation_id
    (key_id,) = details.console.ids()
    older = keys.queries.get_key(organisation_id, key_id)
    keys.commands.rotate(organisation_id, key_id, timedelta(hours=1), ORIGIN)
    assert "nothing will fail when its time is over" in details.get().text

    digest = _digest_before(details)
    keys.last_use.record({key_id: clock.now()}, {}, {key_id: {digest: clock.now()}})
    by_hint = {"secret_hint": older.hint}
    details.usage.requests = (request(1), request(2, address="198.51.100.9", user_agent=SCRIPT, **by_hint))
    shown = details.get().text
    panel = shown[shown.index('id="old-secret"') : shown.index('id="usage"')]
    for words in ("It is still used", "198.51.100.9", "&lt;script&gt;", older.hint):
        assert words in panel, words
    assert "192.0.2.7" not in panel
    log = details.get(f"/activity?secret_hint={older.hint}").text
    assert details.usage.narrowed[-1] == (Wanted(secret_hint=older.hint), None)
    assert older.hint in log

    details.usage.is_there = False
    assert "did not answer within a second" in details.get().text
    clock.advance(3601)
    assert 'id="old-secret"' not in details.get().text


def _digest_before(details: Details) -> str:
    with details.console.keys.database.reading() as tx:
        row = tx.execute(select(tables.api_key.c.previous_digest)).scalar_one()
    return str(row)[:SECRET_CHARACTERS]
