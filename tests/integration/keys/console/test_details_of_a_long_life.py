"""Details of a key that was changed more often than its page shows."""

from services.keys.console.pages.details_page import CHANGES_MAX
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create


def test_the_newest_changes_are_shown_and_that_there_are_more(console: Console, browser: Browser) -> None:
    create(browser)
    (key_id,) = console.ids()
    commands, whose = console.keys.commands, console.organisation_id
    assert "Earlier changes" not in browser.get(f"/console/keys/{key_id}").text
    for _ in range(CHANGES_MAX // 2):
        commands.suspend(whose, key_id, ORIGIN)
        commands.resume(whose, key_id, ORIGIN)
    page = browser.get(f"/console/keys/{key_id}").text
    assert page.count("<td>Resumed</td>") == CHANGES_MAX // 2
    assert "<td>Created</td>" not in page
    assert "Earlier changes" in page
    newest = console.keys.history.of_key(whose, key_id, newest=3)
    assert [entry.revision for entry in newest] == [CHANGES_MAX - 1, CHANGES_MAX, CHANGES_MAX + 1]
