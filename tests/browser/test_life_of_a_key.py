"""A key's life in Chromium: made, used by its curl line, revoked, refused; and every page on the way."""

import re
import subprocess

from playwright.sync_api import Browser, StorageState, expect

from tests.browser import visits
from tests.browser.person import Person
from tests.browser.visits import FRENCH, Visit
from tests.e2e.running import Embedded, eventually


def test_a_key_is_made_used_revoked_and_refused(person: Person) -> None:
    visitor = person.visit
    line = person.make_key("Ligne à grande vitesse", judged=True)
    assert '"data"' in _in_a_shell(line)
    eventually(lambda: visitor.page.reload() and visitor.page.locator(".chart").count(), bool)
    visitor.judge("details")
    key = person.key_path()
    visitor.go(f"{key}/revoke")
    visitor.judge("revoke")
    visitor.go("/console/keys")
    visitor.judge("keys")
    # As the product's page says: found in the list, « Révoquer », confirmed.
    visitor.page.locator(f"tr[id={key.rpartition('/')[2]}] a[href$=revoke]").click()
    person.button("Revoke").click()
    expect(visitor.page.get_by_role("main")).to_contain_text(re.compile(r"\b1\b.*\d+ ms"))
    visitor.judge("revoked")
    assert "/problems/key-revoked" in _in_a_shell(line)


def test_each_change_of_a_key_is_made_and_ends_on_a_page_that_passes(person: Person) -> None:
    visitor, page = person.visit, person.page
    person.make_key("Changed")
    key = person.key_path()
    visitor.go(f"{key}/edit")
    page.locator("#description").fill("Quai 7")
    page.locator("form.form .actions button").click()
    visitor.judge("edited")
    visitor.go(f"{key}/rotate")
    page.locator("form.form .actions button").click()
    visitor.judge("rotated")
    page.locator("[data-enables]").check()
    person.link("Done").click()
    expect(page.get_by_role("main")).to_contain_text("Quai 7")
    for verb, done in (("suspend", "suspended"), ("resume", "resumed")):
        visitor.go(f"{key}/{verb}")
        page.locator("form.form .actions button").click()
        visitor.judge(done)
    visitor.go(f"{key}/receipt")
    visitor.judge("receipt")
    visitor.go(f"{key}/delete")
    page.locator("#name").fill("Changed")
    page.locator("form.form .actions button").click()
    visitor.judge("deleted")


def test_every_page_of_a_key_and_of_sessions_passes(visitor: Visit, server: Embedded) -> None:
    """With a session of their own, for who signs in and out."""
    person = Person(visitor)
    person.sign_in(server)
    person.make_key("مفتاح " + "Production" * 8)
    key = person.key_path()
    for name in ("edit", "rotate", "suspend", "resume", "delete"):
        visitor.go(f"{key}/{name}")
        visitor.judge(name)
    for name in ("sessions", "time-zone"):
        visitor.go(f"/console/{name}")
        visitor.judge(name)
    visitor.go("/console/keys?q=nothing-like-it")
    visitor.judge("keys-no-match")
    menu = visitor.page.get_by_text(person.words("Menu"), exact=True)
    if menu.is_visible():
        menu.click()
    person.button("Sign out").click()
    visitor.go("/console/sign-in")
    visitor.judge("sign-in")


def test_a_page_that_the_browser_keeps_has_no_secret(
    chromium: Browser, server: Embedded, signed_in: StorageState
) -> None:
    """By the events that a browser sends to a page that it keeps, and shows again on the way back."""
    with visits.visit(chromium, server.url, FRENCH, state=signed_in) as visit:
        line = Person(visit).see_secret("Kept")
        secret = re.findall(r"grl_\w+", line)[0]
        assert secret in visit.page.content()
        visit.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
        assert "grl_" not in visit.page.content()
        visit.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        visit.page.wait_for_url(re.compile("/console/keys/(?!new$)[^/]+$"))
        expect(visit.page.get_by_role("main")).to_contain_text("Kept")
        assert secret not in visit.page.content()


def _in_a_shell(line: str) -> str:
    """What the copied line prints; it has the key, so it is no argument."""
    return subprocess.run(["/bin/bash"], input=line, capture_output=True, text=True, timeout=60, check=True).stdout
