"""The list of keys: its filters, badges and days, and its rows as an open page polls them."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from services.keys import tables
from services.keys.commands.command_inputs import KeyRequest
from services.keys.console.pages.key_usage import KeyDay
from services.keys.encryption.description import Description
from services.keys.revocation.session_fence import IDLE_MAX, Role
from services.keys.views.queries import KeyQueries
from shared.runtime.clock import ManualClock
from shared.values.timestamps import rfc3339
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create
from tests.integration.keys.console.usage_double import Usage

LIST = "/console/keys"


def names(page: Any) -> list[str]:
    return sorted(re.findall(r'class="name" href="[^"]+">([^<]+)<', page.text))


def use(console: Console, name: str, at: datetime) -> str:
    (key,) = (key for key in console.keys.queries.list_keys(console.organisation_id, 100).keys if key.name == name)
    console.keys.last_use.record({key.id: at}, {}, {})
    return key.id


def tag_and_rows(page: Any) -> tuple[str, str]:
    (tag,) = re.findall(r'data-tag="([^"]*)"', page.text)
    (rows,) = re.findall(r'data-hx-get="([^"]+)"', page.text)
    return tag.replace("&#34;", '"'), rows.replace("&amp;", "&")


def test_keys_that_need_a_look_are_found_by_the_url(
    console: Console,
    browser: Browser,
    clock: ManualClock,
) -> None:
    create(browser, name="old, used", expiry="365")
    create(browser, name="old, never used", expiry="365")
    create(browser, name="old, used long ago", expiry="365", permissions=["events:read"])
    use(console, "old, used long ago", clock.now())
    clock.advance(timedelta(days=91).total_seconds())
    use(console, "old, used", clock.now())
    browser.sign_in(console.link(name="Anna"))
    create(browser, name="new", expiry="30")
    clock.advance(timedelta(days=17).total_seconds())
    browser.sign_in(console.link(name="Anna"))
    found = {
        "show=never-used": ["new", "old, never used"],
        "show=unused": ["old, never used", "old, used long ago"],
        "show=expiring": ["new"],
        "show=in-grace": [],
        "permission=events:read": ["old, used long ago"],
        "permission=sensors:read&show=unused": ["old, never used"],
    }
    assert {query: names(browser.get(f"{LIST}?{query}")) for query in found} == found
    badges = browser.get(LIST).text
    assert badges.count('class="badge warning">Expires soon') == 1
    assert badges.count('class="badge warning">Unused for 90 days') == 2


def test_a_key_that_was_sent_in_a_url_is_found_and_says_so_until_it_has_a_new_secret(
    console: Console, browser: Browser, clock: ManualClock
) -> None:
    for name in ("in a header", "in a URL"):
        create(browser, name=name, allow_query="on")
    key_id = use(console, "in a URL", clock.now())
    console.keys.last_use.record({}, in_query={key_id: clock.now()})
    assert names(browser.get(f"{LIST}?show=sent-in-url")) == ["in a URL"]
    listed = browser.get(LIST).text
    assert listed.count('class="badge warning">Sent in a URL') == 1
    assert listed.count('class="badge neutral">May be in URLs') == 1
    assert "make a new secret" in browser.get(f"{LIST}/{key_id}").text
    clock.advance(1)
    console.keys.commands.rotate(console.organisation_id, key_id, timedelta(), ORIGIN)
    assert names(browser.get(f"{LIST}?show=sent-in-url")) == []


def test_a_filter_goes_on_to_the_next_page_and_through_the_sorted_columns(browser: Browser) -> None:
    for number in range(22):
        create(browser, name=f"key {number:02}", permissions=["events:read" if number else "sensors:read"])
    first = browser.get(f"{LIST}?permission=events:read&show=never-used&sort=name")
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    assert names(browser.get(following.replace("&amp;", "&"))) == ["key 21"]
    (by_use,) = re.findall(r'href="([^"]+sort=last_used_at[^"]*)"', first.text)
    assert "permission=events%3Aread" in by_use
    assert "show=never-used" in by_use


def test_an_open_page_says_so_when_no_key_meets_its_filters_any_more(console: Console, browser: Browser) -> None:
    create(browser, name="Railway")
    tag, rows = tag_and_rows(browser.get(f"{LIST}?status=active"))
    (key_id,) = console.ids()
    console.keys.commands.suspend(console.organisation_id, key_id, ORIGIN)
    polled = browser.get(rows, **{"If-None-Match": tag})
    assert (names(polled), "meets all these conditions" in polled.text) == ([], True)


def test_keys_of_people_who_are_gone_are_found(
    console: Console,
    clock: ManualClock,
) -> None:
    anna, ben = console.browser(name="Anna"), console.browser(Role.ADMIN, name="Ben")
    create(anna, name="by Anna", expiry="365")
    create(ben, name="by Ben", expiry="365")
    console.keys.commands.organisations.register("Others", "standard", ORIGIN)
    clock.advance(timedelta(days=91).total_seconds())
    anna.sign_in(console.link(name="Anna"))
    assert names(anna.get(f"{LIST}?by=left")) == ["by Ben"]
    page = anna.get(LIST).text
    (maker,) = re.findall(r'<option value="(usr_\w+)">Ben</option>', page)
    assert names(anna.get(f"{LIST}?by={maker}")) == ["by Ben"]
    ben.sign_in(console.link(Role.ADMIN, "Ben"))
    assert names(anna.get(f"{LIST}?by=left")) == []
    with console.keys.database.transaction() as tx:
        refused = update(tables.console_person).where(tables.console_person.c.id == maker)
        tx.execute(refused.values(refused_at=rfc3339(clock.now())))
    assert names(anna.get(f"{LIST}?by=left")) == ["by Ben"]


def test_a_day_of_each_key_is_drawn_and_what_usage_does_not_answer_is_missing(
    console: Console,
    browser: Browser,
    usage: Usage,
    clock: ManualClock,
) -> None:
    create(browser, name="busy")
    create(browser, name="idle")
    busy = use(console, "busy", clock.now())
    requests = (*[0] * 23, 1000, 234)
    usage.days[busy] = KeyDay(requests=requests, refused=(*[0] * 24, 4), in_last_hour=234)
    usage.new_sources[busy] = clock.now()
    usage.days_asked = 0
    page = browser.get(LIST).text
    assert usage.days_asked == 1, "one question for the whole page"
    assert page.count('class="day-line"') == 1
    assert "1,234" in page
    assert "refused or failed: 4" in page
    assert page.count("Used from a new source") == 1
    usage.is_there = False
    page = browser.get(LIST).text
    assert "did not answer within a second" in page
    assert 'class="day-line"' not in page
    assert "busy" in page


def test_a_poll_is_answered_304_until_something_changed(
    console: Console,
    browser: Browser,
    usage: Usage,
    clock: ManualClock,
) -> None:
    create(browser, name="Railway")
    tag, rows = tag_and_rows(browser.get(f"{LIST}?sort=name"))
    usage.days_asked = 0
    for _ in range(3):
        clock.advance(5)
        unchanged = browser.get(rows, **{"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.text) == (304, "")
    assert usage.days_asked == 0, "what has not changed costs usage nothing"
    key_id = use(console, "Railway", clock.now())
    changed = browser.get(rows, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["cache-control"] == "no-store"
    assert f'id="{key_id}"' in changed.text
    assert "<html" not in changed.text
    assert changed.headers["etag"] == tag_and_rows(changed)[0] != tag
    french = browser.get(rows, **{"If-None-Match": changed.headers["etag"], "Accept-Language": "fr"})
    assert french.status_code == 200


def test_of_many_tabs_with_one_page_the_first_makes_its_rows_for_all(
    console: Console, browser: Browser, usage: Usage, clock: ManualClock
) -> None:
    create(browser, name="Railway")
    old, rows = tag_and_rows(browser.get(f"{LIST}?sort=name"))
    use(console, "Railway", clock.now())
    usage.days_asked = 0
    polled = [browser.get(rows, **{"If-None-Match": old}) for _ in range(5)]
    assert {answer.status_code for answer in polled} == {200}
    assert len({(answer.text, answer.headers["etag"]) for answer in polled}) == usage.days_asked == 1
    french = browser.get(rows, **{"If-None-Match": old, "Accept-Language": "fr"}).text
    browser.cookies["grillo_time_zone"] = "Asia/Kathmandu"
    elsewhere = browser.get(rows, **{"If-None-Match": old}).text
    assert len({polled[0].text, french, elsewhere}) == usage.days_asked == 3
    del browser.cookies["grillo_time_zone"]
    clock.advance(5)
    browser.get(rows, **{"If-None-Match": old})
    assert usage.days_asked == 4, "what its tag does not tell is five seconds late at most"


def test_a_poll_asks_again_for_what_was_missing(browser: Browser, usage: Usage) -> None:
    create(browser)
    usage.is_there = False
    tag, rows = tag_and_rows(browser.get(LIST))
    assert tag == ""
    assert "etag" not in browser.get(rows).headers
    usage.is_there = True
    assert "did not answer" not in browser.get(rows).text


def test_a_page_that_is_left_open_keeps_no_session_alive(
    console: Console,
    browser: Browser,
    clock: ManualClock,
) -> None:
    create(browser)
    _, rows = tag_and_rows(browser.get(LIST))
    hours = int(IDLE_MAX.total_seconds()) // 3600
    for _ in range(hours - 1):
        clock.advance(3600)
        assert browser.get(rows).status_code == 200
    clock.advance(3600)
    ended = browser.get(rows, **{"HX-Request": "true"})
    assert (ended.status_code, ended.text) == (401, ""), "no sign-in page in the place of the rows"


def test_while_nothing_changes_a_poll_reads_no_key(
    console: Console, browser: Browser, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(browser, name="Railway")
    tag, rows = tag_and_rows(browser.get(LIST))
    asked, list_keys = [], KeyQueries.list_keys

    def counted(queries: KeyQueries, *parts: Any, **more: Any) -> Any:
        asked.append(parts)
        return list_keys(queries, *parts, **more)

    monkeypatch.setattr(KeyQueries, "list_keys", counted)

    def polled(of: str = rows) -> int:
        """The answer's status."""
        nonlocal tag
        answer = browser.get(of, **{"If-None-Match": tag})
        tag = answer.headers["etag"]
        return answer.status_code

    def create_one_that_soon_expires() -> None:
        end = clock.now() + timedelta(seconds=10)
        request = KeyRequest(description=Description(name="Ferry"), permissions=("sensors:read",), expires_at=end)
        console.keys.commands.create(console.organisation_id, request, ORIGIN)

    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: use(console, "Railway", clock.now()),
        lambda: create(browser, name="Tram"),
        create_one_that_soon_expires,
        lambda: clock.advance(10),  # it has expired, and shows it at once
        lambda: clock.advance(60),  # what days change is seen within a minute
    ]
    for change, first in zip(changes, (304, 200, 200, 200, 200, 304), strict=True):
        change()
        asked.clear()
        assert [polled() for _ in range(4)] == [first, 304, 304, 304]
        assert len(asked) == 1
    assert polled(f"{rows}?sort=name") == 200, "another order is another question"


def test_who_only_sees_is_told_whom_to_ask_and_chooses_nothing(console: Console) -> None:
    create(console.browser())
    page = console.browser(Role.USER, name="Uma").get(LIST).text
    assert "ask its owner or an administrator" in page
    assert 'type="checkbox"' not in page


def test_the_usage_of_an_open_key_is_polled_by_the_minute(
    console: Console, browser: Browser, clock: ManualClock
) -> None:
    create(browser)
    (key_id,) = console.ids()
    clock.advance(60 - clock.now().second)
    page = browser.get(f"{LIST}/{key_id}?step=minute")
    tag, use = tag_and_rows(page)
    assert use.endswith("/use?step=minute")
    clock.advance(5)
    assert browser.get(use, **{"If-None-Match": tag}).status_code == 304
    clock.advance(60)
    later = browser.get(use, **{"If-None-Match": tag})
    assert later.status_code == 200
    assert later.text.lstrip().startswith('<section class="panel" id="usage"')
    assert "1,234" in later.text
    assert browser.get(use, **{"If-None-Match": later.headers["etag"]}).status_code == 304
