"""A key's life in Chromium: made, used by its curl line, revoked, refused; and every page on the way."""

import re
import subprocess

import httpx
from playwright.sync_api import Browser, Locator, expect

from services.keys.console.rendering.languages import translations
from tests.browser import visits
from tests.browser.visits import FRENCH, Visit
from tests.e2e.running import Embedded, eventually, grillo


class Person:
    """Who is signed in, and reads the pages in the visit's language."""

    def __init__(self, visit: Visit, server: Embedded) -> None:
        self.visit, self.page = visit, visit.page
        self._say = translations(visit.look.language).gettext
        printed = grillo("console", "link", "--data", str(server.data)).stdout
        visit.go(re.findall(r"/console/link/grc_\w+", printed)[0])
        self.button("Sign in").click()

    def words(self, text: str) -> str:
        return self._say(text)

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=self._say(text), exact=True)

    def link(self, text: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("link", name=self._say(text), exact=True).first

    def make_key(self, name: str, *, judged: bool = False) -> str:
        """Its curl line."""
        line = self.see_secret(name, judged=judged)
        self.page.locator("[data-enables]").check()
        self.link("Done").click()
        return line

    def see_secret(self, name: str, *, judged: bool = False) -> str:
        self.link("Create an API key").click()
        self._judge("create", judged)
        self.page.get_by_label(self._say("Name"), exact=True).fill(name)
        self.page.locator("[name=permissions][value='sensors:read']").check()
        self.page.locator("[name=expiry][value='90']").check()
        self.button("Continue").click()
        self._judge("review", judged)
        self.button("Create").click()
        self._judge("created", judged)
        line = self.page.locator("#shell").text_content()
        assert line is not None
        return line

    def _judge(self, name: str, judged: bool) -> None:
        if judged:
            self.visit.judge(name)


def test_a_key_is_made_used_revoked_and_refused(visitor: Visit, server: Embedded) -> None:
    person = Person(visitor, server)
    visitor.judge("keys")
    line = person.make_key("Ligne à grande vitesse", judged=True)
    assert '"data"' in _in_a_shell(line)
    eventually(lambda: visitor.page.reload() and visitor.page.locator(".chart").count(), bool)
    visitor.judge("details")
    person.link("Revoke").click()
    visitor.judge("revoke")
    person.button("Revoke").click()
    expect(visitor.page.get_by_role("main")).to_contain_text(re.compile(r"\b1\b.*\d+ ms"))
    visitor.judge("revoked")
    assert "/problems/key-revoked" in _in_a_shell(line)


def test_every_page_of_a_key_and_of_sessions_passes(visitor: Visit, server: Embedded) -> None:
    person = Person(visitor, server)
    person.make_key("مفتاح " + "Production" * 8)
    key = httpx.URL(visitor.page.url).path
    for name in ("edit", "rotate", "suspend", "delete"):
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


def test_a_page_that_the_browser_keeps_has_no_secret(chromium: Browser, server: Embedded) -> None:
    """By the events that a browser sends to a page that it keeps, and shows again on the way back."""
    with visits.visit(chromium, server.url, FRENCH) as visit:
        line = Person(visit, server).see_secret("Kept")
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
