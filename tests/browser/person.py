"""Person: who is signed in, reads the pages in the visit's language, and does there what people do."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Locator

from services.keys.console.rendering.languages import translations
from tests.browser.visits import Visit
from tests.e2e.running import Embedded, grillo


class Person:
    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page
        self._say = translations(visit.look.language).gettext

    def sign_in(self, server: Embedded, name: str = "") -> None:
        """By a link of their own, for tests that cannot share the one session of all."""
        self.visit.go(link_of(server, name))
        self.button("Sign in").click()

    def words(self, text: str) -> str:
        return self._say(text)

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=self._say(text), exact=True)

    def link(self, text: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("link", name=self._say(text), exact=True).first

    def make_key(self, name: str, *, judged: bool = False) -> str:
        """Its curl line. The page of its details is open then."""
        line = self.see_secret(name, judged=judged)
        self.page.locator("[data-enables]").check()
        self.link("Done").click()
        return line

    def see_secret(self, name: str, *, judged: bool = False) -> str:
        self.visit.go("/console/keys/new")
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

    def key_path(self) -> str:
        """Of the key whose details are open."""
        return urlsplit(self.page.url).path

    def _judge(self, name: str, judged: bool) -> None:
        if judged:
            self.visit.judge(name)


def link_of(server: Embedded, name: str = "") -> str:
    printed = grillo("console", "link", "--data", str(server.data), "--name", name).stdout
    found = re.search(r"/console/link/grc_\w+", printed)
    assert found is not None, printed
    return found[0]
