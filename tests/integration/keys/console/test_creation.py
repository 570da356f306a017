"""What the form of a new key begins with, which expiries it offers, and how a lost or leaked secret is replaced."""

import re
from typing import Any

import pytest

from services.keys.lifecycle.organisation import ChangeSettings
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import CREATE, REVIEW, Console, create, secret_in

NEW = "/console/keys/new"


def set_lifetimes(console: Console, **days: int | None) -> None:
    settings = ChangeSettings(**days)
    console.keys.commands.organisations.change_settings(console.organisation_id, settings, ORIGIN)


def typed(browser: Browser, page: Any) -> dict[str, str]:
    return dict(browser.form(page).fields)


def expiries(page: Any) -> list[str]:
    return re.findall(r'name="expiry" value="(\w+)"', page.text)


def test_a_template_fills_in_what_its_use_needs_and_nothing_is_made(console: Console) -> None:
    browser = console.browser()
    links = re.findall(r'href="(/console/keys/new\?template=\w+)"', browser.get(NEW).text)
    assert len(links) == 4
    permissions = [dict(browser.form(browser.get(link)).fields)["permissions"] for link in links]
    assert permissions == ["sensors:read", "events:read", "sensors:read", "config:write"]
    assert "A link filled in this form" not in browser.get(links[0]).text
    assert console.ids() == []


def test_what_a_link_from_outside_asks_for_is_named_admin_with_a_warning(console: Console) -> None:
    browser = console.browser()
    page = browser.get(f"{NEW}?name=Quake&permissions=admin,fly&expires_in=604800")
    for words in ("Quake", "Admin opens everything", "No such permission", "<code>fly</code>", "In 7 days"):
        assert words in page.text, words
    assert typed(browser, page)["expiry"] == "7"
    page = browser.get(f"{NEW}?expires_in=3600")
    assert (typed(browser, page)["expiry"], "not in whole days" in page.text) == ("90", True)
    assert "<code>3600</code>" in page.text


def test_the_organisation_s_lifetimes_say_what_is_offered_and_what_comes_first(console: Console) -> None:
    browser = console.browser()
    assert expiries(browser.get(NEW)) == ["30", "90", "365", "date", "never"]
    set_lifetimes(console, lifetime_max_days=180, lifetime_default_days=45)
    page = browser.get(NEW)
    assert expiries(page) == ["30", "45", "90", "180", "date"]
    assert typed(browser, page)["expiry"] == "45"
    assert "at most until" in page.text
    create(browser, expiry="45")
    (key_id,) = console.ids()
    key = console.keys.queries.get_key(console.organisation_id, key_id)
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == 45


def test_an_expiry_of_more_digits_than_a_number_may_have_is_told_at_its_field(console: Console) -> None:
    browser = console.browser()
    fields = [pair for pair in browser.form(browser.get(NEW)).fields if pair[0] != "expiry"]
    filled = [("name", "Railway"), ("permissions", "sensors:read"), ("expiry", "9" * 5000), ("step", "review")]
    assert browser.post(NEW, [*fields, *filled]).status_code == 422


def test_the_settings_of_another_key_are_taken_over_without_its_end(console: Console) -> None:
    browser = console.browser()
    create(browser, name="Railway", labels="env:prod", addresses="192.0.2.0/24", minute="7", allow_query="on")
    (key_id,) = console.ids()
    page = browser.get(f"{NEW}?like={key_id}")
    fields = typed(browser, page)
    assert (fields["name"], fields["labels"], fields["addresses"], fields["minute"], fields["expiry"]) == (
        *("Railway", "env:prod", "192.0.2.0/24", "7", "90"),
    )
    assert fields["allow_query"] == "on"
    assert secret_in(browser.submit(browser.submit(page, NEW, button=REVIEW), NEW, button=CREATE))
    assert len(console.ids()) == 2
    assert browser.get(f"{NEW}?like=key_of_nobody").status_code == 404


def test_the_secret_comes_with_lines_that_are_ready_to_run(console: Console) -> None:
    shown = create(console.browser()).text
    secret = secret_in(create(console.browser()))
    assert secret not in shown
    assert "export GRILLO_API_KEY=grl_" in shown
    assert "obspy.Stream" in shown
    assert "obspy" not in create(console.browser(), permissions=["events:read"]).text


def test_a_secret_whose_answer_was_lost_is_replaced_alone(console: Console) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/rotate"
    asked = browser.get(path)
    secret_in(browser.submit(asked, path, grace="86400"))
    lost = browser.submit(asked, path, grace="86400")
    (instead,) = re.findall(r'href="([^"]+/rotate[^"]*)"', lost.text)
    before = console.keys.queries.get_key(console.organisation_id, key_id)
    again = browser.get(instead)
    assert "Another old secret still works" in again.text
    assert dict(browser.form(again, path).fields)["grace"] == "instead"
    secret_in(browser.submit(again, path))
    after = console.keys.queries.get_key(console.organisation_id, key_id)
    assert (after.grace_until, after.previous_hint) == (before.grace_until, before.previous_hint)
    assert after.hint != before.hint


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_the_form_is_in_each_language(console: Console, language: str) -> None:
    page = console.browser(language=language).get(f"{NEW}?permissions=admin")
    words = {"en": "Begin with a template", "fr": "Commencez par un modèle", "es": "Empiece con una plantilla"}
    assert words[language] in page.text
