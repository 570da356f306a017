"""Times in the reader's zone: chosen by the person, else told by the browser, else UTC; UTC is always there."""

import re

import pytest

from services.keys.assembly import Keys
from services.keys.console.openid.identity import Identity
from services.keys.console.sessions.sign_in import SignIn
from services.keys.revocation.session_fence import Role
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create

PATH = "/console/time-zone"


def times(browser: Browser) -> list[str]:
    return re.findall(r"<time[^>]*>[^<]*</time>", browser.get("/console/keys").text)


def made(console: Console) -> Browser:
    browser = console.browser(name="Anna")
    create(browser)
    return browser


def test_without_any_they_are_in_utc(console: Console) -> None:
    browser = made(console)
    assert times(browser)[0].endswith(" UTC</time>")
    assert "data-time-zone" not in browser.get("/console/keys").text


def test_the_browser_s_is_told_by_a_cookie(console: Console) -> None:
    browser = made(console)
    in_utc = times(browser)[0].partition(">")[2].removesuffix("</time>")
    browser.cookies["grillo_time_zone"] = "Asia/Kathmandu"
    shown = times(browser)[0]
    assert f'title="{in_utc}"' in shown
    assert in_utc.removesuffix(" UTC") not in shown.partition(">")[2]
    assert 'data-time-zone="Asia/Kathmandu"' in browser.get("/console/keys").text


def test_a_page_names_the_zone_of_the_times_that_it_shows(console: Console) -> None:
    browser = made(console)
    browser.cookies["grillo_time_zone"] = "Asia/Kathmandu"
    named = "Times are those of Asia/Kathmandu"
    assert named in browser.get("/console/keys").text
    assert named not in browser.get("/console/keys?q=nothing-like-it").text
    assert named not in browser.get(PATH).text


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "A" * 3000, "<script>", ""])
def test_one_that_is_unknown_is_none(console: Console, zone: str) -> None:
    browser = made(console)
    browser.cookies["grillo_time_zone"] = zone
    assert times(browser)[0].endswith(" UTC</time>")
    assert browser.submit(browser.get(PATH), PATH, time_zone=zone or "no").status_code == 422


def test_what_a_person_chooses_holds_in_every_browser(console: Console) -> None:
    browser = made(console)
    browser.cookies["grillo_time_zone"] = "Asia/Kathmandu"
    assert "Saved" in browser.submit(browser.get(PATH), PATH, time_zone="America/Mexico_City").text
    other = console.browser(name="Anna")
    assert 'data-time-zone="America/Mexico_City"' in other.get("/console/keys").text
    other.submit(other.get(PATH), PATH, time_zone="")
    assert 'data-time-zone="Asia/Kathmandu"' in browser.get("/console/keys").text


def test_an_issuer_s_is_the_first(sign_in: SignIn, keys: Keys, organisation_id: str) -> None:
    for subject, said, kept in (("anna", "Europe/Rome", "Europe/Rome"), ("ben", "Mars/Olympus", "")):
        identity = Identity(
            issuer="https://issuer.example",
            subject=subject,
            organisation_id=organisation_id,
            role=Role.USER,
            name="",
            address=None,
            time_zone=said,
        )
        session = sign_in.session(sign_in.use_identity(identity, None, address="", user_agent=""))
        assert session is not None
        assert session.time_zone == kept
