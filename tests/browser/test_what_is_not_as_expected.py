"""Pages in a browser whose clock is wrong, and of a key that somebody else deletes meanwhile."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.e2e.running import Embedded

_POLL = "document.querySelectorAll('[data-poll]').forEach((part) => part.dispatchEvent(new Event('poll')))"


def test_times_are_the_server_s_whatever_the_browser_takes_for_now(person: Person) -> None:
    page = person.page
    page.clock.install(time=datetime(2001, 1, 1, tzinfo=UTC))
    person.make_key("Une autre époque")
    times = [one.get_attribute("datetime") or "" for one in page.locator("dl.facts time").all()]
    shown = [datetime.fromisoformat(time) for time in times]
    now = datetime.now(UTC)
    assert any(abs(now - time) < timedelta(hours=1) for time in shown), "created"
    assert any(timedelta(days=89) < time - now < timedelta(days=91) for time in shown), "expires"
    years = {str(time.year) for time in shown}
    told = page.locator("dl.facts").first.inner_text()
    assert all(year in told for year in years)
    assert "2001" not in told


def test_a_page_whose_key_was_deleted_keeps_what_it_shows_and_says_that_it_is_old(
    person: Person, server: Embedded
) -> None:
    page = person.page
    person.make_key("Bientôt supprimée")
    key = person.key_path()
    with server.admin() as admin:
        admin.delete(f"/v1/keys/{key.rsplit('/', 1)[1]}").raise_for_status()
    if person.visit.look.has_script:
        with page.expect_response(re.compile("/use")) as answered:
            page.evaluate(_POLL)
        assert answered.value.status == 404
        expect(page.locator("#usage")).not_to_have_attribute("data-poll", "")
    expect(page.get_by_role("main")).to_contain_text("Bientôt supprimée")
    person.visit.seen.clear()  # the browser tells its console of the 404
    page.goto(f"{person.visit.url}{key}/edit")
    person.visit.seen.clear()
    expect(page.get_by_role("link", name=person.words("API keys")).first).to_be_visible()
    person.visit.judge("key-deleted")
