"""The console of a running system, from the link that it prints: a key made, used, revoked and refused."""

import html
import os
import re
import subprocess
import sys

import httpx
import pytest

from tests import local_http
from tests.e2e.running import Embedded, eventually, grillo
from tests.integration.keys.console.browsing import forms_of

SECRET = re.compile(r"grl_[0-9A-Za-z]{49}")


@pytest.fixture
def browser(embedded: Embedded) -> httpx.Client:
    headers = {"Accept-Language": "fr", "Sec-Fetch-Site": "same-origin"}
    return local_http.client(base_url=embedded.url, headers=headers, timeout=30)


def test_from_the_printed_link_to_a_refused_key(embedded: Embedded, browser: httpx.Client) -> None:
    link = embedded.announced["console"]
    assert re.fullmatch(rf"{embedded.url}/console/link/grc_[0-9A-Za-z]{{43}}", link)
    answer = _send(browser, browser.get(link))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")
    form = browser.get("/console/keys/new")
    review = _send(browser, form, name="Chemins de fer", permissions="sensors:read", step="review")
    created = _send(browser, review, step="create")
    assert "Clé API créée" in created.text
    key = SECRET.search(created.text)
    assert key is not None
    with embedded.client(key[0]) as client:
        assert client.get("/v1/sensors").status_code == 200
        (details,) = re.findall(r'id="done" href="([^"]+)"', created.text)
        revoked = _send(browser, browser.get(f"{details}/revoke"))
        assert "refusée par 1 portail en" in revoked.text
        assert client.get("/v1/sensors").status_code == 401


def test_the_lines_beside_a_secret_run_as_they_are(embedded: Embedded, browser: httpx.Client) -> None:
    """Those for a shell are run by tests/browser."""
    link = re.findall(r"/console/link/grc_\w+", grillo("console", "link", "--data", str(embedded.data)).stdout)[0]
    _send(browser, browser.get(link))
    review = _send(browser, browser.get("/console/keys/new"), name="Lines", permissions="sensors:read", step="review")
    created = _send(browser, review, step="create").text
    secret = SECRET.search(created)
    assert secret is not None
    for block, printed in (("python", "'data'"), ("obspy", "Trace(s) in Stream")):
        (shown,) = re.findall(rf'<code id="{block}">(.*?)</code>', created, re.DOTALL)
        assert secret[0] not in shown
        environment = os.environ | {"GRILLO_API_KEY": secret[0]}
        # What the page shows is our own.
        done = subprocess.run(
            [sys.executable, "-c", html.unescape(shown)], env=environment, capture_output=True, text=True, timeout=120
        )
        assert printed in done.stdout, done.stderr


def test_the_sensors_service_tells_the_console_of_its_networks(embedded: Embedded, browser: httpx.Client) -> None:
    link = re.findall(r"/console/link/grc_\w+", grillo("console", "link", "--data", str(embedded.data)).stdout)[0]
    _send(browser, browser.get(link))
    listed = browser.get("/console/networks").text
    (network,) = re.findall(r'href="(/console/networks/net_\w+)">Main network', listed)
    # Sensors has a second; on a busy machine the page says to load it again.
    page = eventually(lambda: browser.get(network).text, lambda page: "BW.UH1" in page)
    assert page.count('<svg class="minute-line"') >= 7
    assert "n'a pas répondu" not in html.unescape(page)


def _send(browser: httpx.Client, page: httpx.Response, **typed: str) -> httpx.Response:
    """The form of the page's content."""
    assert page.status_code == 200, page.text
    aside = ("/console/sign-out", "/console/preferences")
    (form,) = (each for each in forms_of(page.text) if each.method == "post" and each.action not in aside)
    return browser.post(form.action or page.url.path, data=dict(form.fields) | typed)
