"""Pages that are left open: polls that change nothing but what changed, dialogs, and the keyboard alone.

Polls are triggered here, and not waited for.
"""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, Response, StorageState, expect

from tests.browser import visits
from tests.browser.person import Person, link_of
from tests.browser.visits import FRENCH
from tests.e2e.running import Embedded

_POLL = "document.querySelectorAll('[data-poll]').forEach((part) => part.dispatchEvent(new Event('poll')))"
_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value)))
  .observe({ type: "layout-shift", buffered: true });
"""
POLLS = 50
SHIFT_MAX = 0.02


@pytest.fixture
def french(chromium: Browser, server: Embedded, signed_in: StorageState) -> Iterator[Person]:
    """Without timers: no poll but those of the tests."""
    with visits.visit(chromium, server.url, FRENCH, state=signed_in) as visit:
        visit.page.add_init_script("window.setInterval = () => 0")
        yield Person(visit)


def poll(page: Page) -> Response:
    with page.expect_response(re.compile("/console/keys/rows")) as answered:
        page.evaluate(_POLL)
    answered.value.finished()
    return answered.value


def rename(server: Embedded, key_path: str, name: str) -> None:
    with server.admin() as admin:
        answer: httpx.Response = admin.patch(f"/v1/keys/{key_path.rsplit('/', 1)[1]}", json={"name": name})
        answer.raise_for_status()


def test_typed_text_focus_and_choices_survive_fifty_polls(french: Person, server: Embedded) -> None:
    """Half of them find a change."""
    page, visit = french.page, french.visit
    french.make_key("Polled")
    key = french.key_path()
    # Without the key by which it is renamed: that one's last use changes, too.
    visit.go("/console/keys?q=Polled")
    page.evaluate(_SHIFTS)
    row = page.locator(f"tr[id={key.rsplit('/', 1)[1]}]")
    row.get_by_role("checkbox").check()
    page.locator("#q").fill("half a wor")
    page.locator("#q").evaluate("(field) => field.setSelectionRange(2, 4)")
    statuses = []
    for number in range(POLLS // 2):
        rename(server, key, f"Polled {number:02}")
        statuses.append(poll(page).status)
        expect(row).to_contain_text(f"Polled {number:02}")
        statuses.append(poll(page).status)
    assert statuses == [200, 304] * (POLLS // 2)
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.locator("#q").input_value() == "half a wor"
    assert page.locator("#q").evaluate("(field) => [field.selectionStart, field.selectionEnd]") == [2, 4]
    expect(row.get_by_role("checkbox")).to_be_checked()
    assert "UTC" not in (row.locator("time").first.text_content() or ""), "times stay in the reader's own zone"
    assert page.evaluate("window.shifted") < SHIFT_MAX
    assert not visit.seen, "\n".join(visit.seen)


def test_the_focus_stays_in_what_is_polled(french: Person, server: Embedded) -> None:
    page = french.page
    french.make_key("Focused")
    key = french.key_path()
    french.visit.go("/console/keys")
    page.locator(f"a[href='{key}']").focus()
    rename(server, key, "Focused still")
    assert poll(page).status == 200
    expect(page.locator(f"a[href='{key}']")).to_be_focused()
    expect(page.locator(f"a[href='{key}']")).to_have_text("Focused still")


def test_whoever_signed_out_elsewhere_loses_nothing_of_the_page(chromium: Browser, server: Embedded) -> None:
    with visits.visit(chromium, server.url, FRENCH) as visit:
        person = Person(visit)
        person.sign_in(server)
        person.make_key("Left open")
        visit.go("/console/keys")
        other = visit.page.context.new_page()
        other.goto(server.url + "/console/keys")
        other.get_by_role("button", name=person.words("Sign out"), exact=True).click()
        visit.page.locator("#q").fill("typed")
        assert poll(visit.page).status == 401
        assert visit.page.locator("#q").input_value() == "typed"
        expect(visit.page.locator("#rows")).to_contain_text("Left open")
        expect(visit.page.locator("#rows")).not_to_have_attribute("data-poll", "")


def test_the_keyboard_alone_from_signing_in_to_a_revoked_key(chromium: Browser, server: Embedded) -> None:
    with visits.visit(chromium, server.url, FRENCH) as visit:
        page, keyboard, person = visit.page, visit.page.keyboard, Person(visit)
        visit.go(link_of(server))
        _tab_to(page, "main button")
        keyboard.press("Enter")
        page.wait_for_url(re.compile("/console/keys$"))
        _tab_to(page, "main a.button")
        keyboard.press("Enter")
        page.wait_for_url(re.compile("/console/keys/new$"))
        _tab_to(page, "#name")
        keyboard.type("By keyboard")
        _tab_to(page, "[name=permissions]")
        keyboard.press("Space")
        _tab_to(page, "form.form button.primary")
        keyboard.press("Enter")
        expect(page.locator("button[value=create]")).to_be_visible()
        _tab_to(page, "button[value=create]")
        keyboard.press("Enter")
        expect(page.locator("[data-copy=secret]")).to_be_focused()
        _tab_to(page, "[data-enables]")
        keyboard.press("Space")
        _tab_to(page, "#done")
        keyboard.press("Enter")
        page.wait_for_url(re.compile("/console/keys/key_"))
        revoke = page.locator("a[href$='/revoke']").first
        _tab_to(page, "a[href$='/revoke']")
        keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        visit.judge("revoke-dialog")
        keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(revoke).to_be_focused()
        keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        _tab_to(page, "dialog [data-cancel]")
        keyboard.press("Enter")
        expect(revoke).to_be_focused()
        keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        _tab_to(page, "dialog button.danger")
        keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text(re.compile(r"refusée par \d+ portail"))
        assert person.words("Revoke") == "Révoquer"


def test_many_keys_are_chosen_and_revoked_also_without_script(person: Person) -> None:
    page = person.page
    for name in ("Chosen one", "Chosen two"):
        person.make_key(name)
    person.visit.go("/console/keys?q=Chosen+&status=active")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.locator("#chosen button").click()
    person.visit.judge("revoke-many")
    page.locator("form.form button.danger").click()
    person.visit.judge("revoked-many")
    person.visit.go("/console/keys?q=Chosen+&status=active")
    expect(page.locator("#rows")).to_have_count(0)


def test_nothing_moves_for_who_asks_for_less_motion(french: Person) -> None:
    page = french.page
    is_moving = "(each) => getComputedStyle(each).transitionDuration !== '0s'"
    moving = f"[...document.querySelectorAll('*')].filter({is_moving}).length"
    for path in ("/console/keys", "/console/keys/new", "/docs"):
        page.emulate_media(reduced_motion="no-preference")
        french.visit.go(path)
        assert page.evaluate(moving) > 0, path
        page.emulate_media(reduced_motion="reduce")
        assert page.evaluate(moving) == 0, path


def test_leaving_a_secret_is_asked_about_until_it_was_copied(french: Person) -> None:
    page, asked = french.page, list[str]()

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secret = re.findall(r"grl_\w+", french.see_secret("Copied"))[0]
    page.locator("#done").click(force=True)
    expect(page.locator("#secret")).to_be_visible()
    page.locator("[data-copy=python]").click()
    page.evaluate("location.href = '/console/keys'")
    expect(page.locator("#secret")).to_be_visible()
    assert asked == ["beforeunload"], "another line was copied, not the secret"
    page.locator("[data-copy=secret]").click()
    expect(page.locator("#announcement")).to_have_text(french.words("Copied"))
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.evaluate("location.href = '/console/keys'")
    page.wait_for_url(re.compile("/console/keys$"))
    assert asked == ["beforeunload"]


def test_a_secret_that_was_left_never_comes_back(french: Person, server: Embedded) -> None:
    """By back, reload, another tab, and what the browser itself kept of the page."""
    page = french.page
    line = french.see_secret("Left")
    secret = re.findall(r"grl_\w+", line)[0]
    made = page.url
    page.locator("[data-enables]").check()
    french.link("Done").click()
    page.wait_for_url(re.compile("/console/keys/key_"))
    keys_before = _count_of_keys(server)
    # The browser has not kept the answer, and would have to send the form again to have one.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    other = page.context.new_page()
    other.goto(made)
    assert secret not in other.content()
    other.reload()
    assert secret not in other.content()
    assert _count_of_keys(server) == keys_before, "nor is another one made"


def _count_of_keys(server: Embedded) -> int:
    with server.admin() as admin:
        count, cursor = 0, None
        while True:
            parameters = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = admin.get("/v1/keys", params=parameters).raise_for_status().json()
            count, cursor = count + len(page["data"]), page["next_cursor"]
            if cursor is None:
                return count


def _tab_to(page: Page, selector: str, presses_max: int = 60) -> None:
    """Presses Tab until the focus is there."""
    for _ in range(presses_max):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")
