"""Sign-in by an issuer in Chromium, against oidc-provider: in by a link, asked again before what is grave, and out."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from services.keys.console.openid.issuer_sign_in import CALLBACK
from tests.browser import visits
from tests.browser.visits import FRENCH, Look, Visit
from tests.e2e.running import Embedded
from tests.servers import ServerMissing, free_port

ISSUER = Path(__file__).parent / "issuer"
CLIENT = {"OIDC_CLIENT_ID": "grillo", "OIDC_CLIENT_SECRET": "known to servers alone"}


@pytest.fixture(scope="module")
def issuer() -> str:
    if not (ISSUER / "node_modules").is_dir():
        raise ServerMissing("oidc-provider: tests/browser/issuer/install")
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def console(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Its organisation is known from a first start on."""
    data = tmp_path_factory.mktemp("by-issuer") / "data"
    with Embedded(data) as first:
        organisation, admin_key = first.organisation, first.admin_key
    settings = CLIENT | {
        "OIDC_ISSUER": issuer,
        "OIDC_ORGANISATIONS": f"*:{organisation}",
        "OIDC_ROLES": "admins:admin,staff:user",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        second = Embedded(data, admin_key=admin_key)
    with second, _serving(issuer, second.url):
        yield second


class _serving:
    """The issuer's process."""

    def __init__(self, issuer: str, url: str) -> None:
        told = {"ISSUER": issuer, "REDIRECT": url + CALLBACK, "CLIENT_ID": CLIENT["OIDC_CLIENT_ID"]}
        told |= {"CLIENT_SECRET": CLIENT["OIDC_CLIENT_SECRET"], "NODE_ENV": "test"}
        command = ["node", "provider.mjs"]
        self._process = subprocess.Popen(command, cwd=ISSUER, env=os.environ | told, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> None:
        assert self._process.stdout is not None
        assert any("serving" in line for line in self._process.stdout)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)


@pytest.fixture
def visit(chromium: Browser, console: Embedded) -> Iterator[Visit]:
    pictures = os.environ.get("GRILLO_PICTURES")
    with visits.visit(chromium, console.url, FRENCH, Path(pictures) if pictures else None) as visit:
        yield visit


def sign_in(page: Page, issuer: str, account: str) -> None:
    """From a link of ours, through the issuer's own page."""
    page.get_by_role("link", name=f"Se connecter avec {urlsplit(issuer).netloc}").click()
    give_account(page, issuer, account)


def give_account(page: Page, issuer: str, account: str) -> None:
    page.wait_for_url(re.compile(f"^{re.escape(issuer)}/interaction/"))
    page.get_by_label("Account").fill(account)
    page.get_by_role("button", name="Sign in").click()


def test_in_by_a_link_asked_again_before_a_deletion_and_out(visit: Visit, issuer: str, console: Embedded) -> None:
    page = visit.page
    visit.go("/console/sign-in")
    visit.judge("sign-in-by-issuer")
    sign_in(page, issuer, "anna")
    page.wait_for_url(f"{console.url}/console/keys")
    expect(page.locator(".person")).to_contain_text("anna Rossi")
    expect(page.locator("html")).to_have_attribute("data-time-zone", "Europe/Rome")
    visit.judge("keys-by-issuer")

    key_id, _ = console.create_key("sensors:read", name="Railway")
    visit.go(f"/console/keys/{key_id}/delete")
    page.get_by_role("textbox").fill("Railway")
    page.get_by_role("button", name="Supprimer").click()
    again = page.get_by_role("link", name=re.compile("dans un autre onglet"))
    expect(again).to_be_visible()
    # Chromium reports an answer of 403 as an error.
    assert all("403" in report for report in visit.seen), visit.seen
    visit.seen.clear()
    visit.judge("sign-in-again")
    with page.context.expect_page() as opened:
        again.click()
    give_account(opened.value, issuer, "anna")
    opened.value.wait_for_url(f"{console.url}/console/keys")
    opened.value.close()
    page.get_by_role("button", name="Continuer").click()
    page.get_by_role("button", name="Supprimer").click()
    expect(page.get_by_role("main")).to_contain_text("Clé supprimée")

    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(f"{console.url}/console/signed-out")
    expect(page.get_by_role("link", name=re.compile("S’y déconnecter"))).to_have_attribute(
        "href", re.compile(f"^{re.escape(issuer)}/")
    )
    visit.judge("signed-out")


def test_without_script_it_is_the_same(chromium: Browser, console: Embedded, issuer: str) -> None:
    with visits.visit(chromium, console.url, Look(has_script=False)) as visit:
        visit.go("/console/sign-in")
        sign_in(visit.page, issuer, "ben")
        visit.page.wait_for_url(f"{console.url}/console/keys")
        expect(visit.page.locator(".person")).to_contain_text("ben Rossi")


def test_who_has_no_role_is_told_which_claim_lacks_it(visit: Visit, issuer: str) -> None:
    visit.go("/console/sign-in")
    sign_in(visit.page, issuer, "carla")
    expect(visit.page.get_by_role("alert")).to_contain_text("groups")
