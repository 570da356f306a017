"""Details of a key that was changed more often than its page reads."""

from services.keys.console.pages.details.details_page import CHANGES_READ_MAX
from services.keys.views.history import HistoryRange
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create


def test_the_newest_changes_are_read_and_shown(console: Console, browser: Browser) -> None:
    create(browser)
    (key_id,) = console.ids()
    commands, whose = console.keys.commands, console.organisation_id
    for _ in range(CHANGES_READ_MAX // 2):
        commands.suspend(whose, key_id, ORIGIN)
        commands.resume(whose, key_id, ORIGIN)
    page = browser.get(f"/console/keys/{key_id}")
    assert page.status_code == 200
    assert "Resumed" in page.text
    newest = console.keys.history.of_key(whose, key_id, HistoryRange(newest=3))
    assert [entry.revision for entry in newest] == [CHANGES_READ_MAX - 1, CHANGES_READ_MAX, CHANGES_READ_MAX + 1]
