"""The console as a browser without script finds it, on SQLite, with one organisation."""

import re
from typing import Any

from services.auth.tier_limits import TIERS
from services.keys.assembly import Keys
from services.keys.console.app import ConsoleDoor
from services.keys.console.openid.settings import OpenIdSettings
from services.keys.console.pages.key_usage import KeyUsage
from services.keys.console.pages.system.system_state import WatchedSystem
from services.keys.revocation.session_fence import Role
from shared.web.application import NO_PROXIES
from shared.web.openapi.document import document
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser

SECRET = re.compile(r"grl_[0-9A-Za-z]{49}")
DOCUMENT: dict[str, Any] = document([], "http://127.0.0.1:8000")
CREATE = ("step", "create")
REVIEW = ("step", "review")


class Console:
    def __init__(self, keys: Keys, public_url: str = "http://127.0.0.1:8000") -> None:
        self.keys = keys
        self.app = self.at(public_url)
        self.organisation_id = keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def at(
        self,
        public_url: str,
        usage: KeyUsage | None = None,
        openid: OpenIdSettings | None = None,
        system: WatchedSystem | None = None,
    ) -> ConsoleDoor:
        parts: dict[str, Any] = {"tiers": TIERS, "usage": usage, "document": DOCUMENT, "openid": openid}
        parts |= {"system": system}
        return self.keys.console(public_url=public_url, proxies=NO_PROXIES, **parts)

    def link(self, role: Role = Role.OWNER, name: str = "") -> str:
        return self.keys.sign_in.new_link(self.organisation_id, role, name)

    def browser(self, role: Role = Role.OWNER, language: str = "en", name: str = "") -> Browser:
        browser = Browser(self.app, language)
        browser.sign_in(self.link(role, name))
        return browser

    def ids(self) -> list[str]:
        return [key.id for key in self.keys.queries.list_keys(self.organisation_id, 100).keys]


def create(browser: Browser, **fields: Any) -> Any:
    """The answer that shows the secret."""
    typed = {"name": "Railway", "permissions": ["sensors:read"]} | fields
    path = "/console/keys/new"
    review = browser.submit(browser.get(path), path, button=REVIEW, **typed)
    assert review.status_code == 200, review.text
    return browser.submit(review, path, button=CREATE)


def secret_in(page: Any) -> str:
    found = SECRET.search(page.text)
    assert found is not None, page.text
    return found[0]


def sign_out_form(page: Any) -> list[tuple[str, str]]:
    (token,) = re.findall(r'action="/console/sign-out">\s*<input type="hidden" name="csrf" value="(\w+)"', page.text)
    return [("csrf", token)]
