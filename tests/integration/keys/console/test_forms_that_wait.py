"""Forms that are sent late, or refused at the last moment: nothing is made twice, nothing that was typed is lost."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from services.keys import tables
from services.keys.commands.command_handler import CommandHandler
from services.keys.revocation.session_fence import RECENT, Role
from shared.runtime.clock import ManualClock
from tests.integration.keys.console.browsing import Browser, forms_of
from tests.integration.keys.console.scene import CREATE, REVIEW, SECRET, Console, create, secret_in

NEW = "/console/keys/new"
DAY, HOUR = 86_400.0, 3_600.0
TYPED: dict[str, Any] = {"name": "Railway", "permissions": ["sensors:read"]}


def stay_signed_in(browser: Browser, clock: ManualClock, seconds: float) -> None:
    """Until then the session is used twice a day."""
    while seconds > 0:
        clock.advance(min(seconds, 11 * HOUR))
        seconds -= 11 * HOUR
        assert browser.get("/console/keys").status_code == 200


def test_a_restored_page_of_yesterday_makes_no_second_key(console: Console, clock: ManualClock) -> None:
    browser = console.browser()
    review = browser.submit(browser.get(NEW), NEW, button=REVIEW, **TYPED)
    secret_in(browser.submit(review, NEW, button=CREATE))
    stay_signed_in(browser, clock, DAY + 60)
    again = browser.submit(review, NEW, button=CREATE)
    assert SECRET.search(again.text) is None
    assert len(console.ids()) == 1
    assert "This form is shown again" in again.text
    assert dict(browser.form(again).fields)["name"] == "Railway"
    secret_in(browser.submit(browser.submit(again, NEW, button=REVIEW), NEW, button=CREATE))


def test_nor_a_second_secret(console: Console, clock: ManualClock) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/rotate"
    asked = browser.get(path)
    secret_in(browser.submit(asked, path, grace="3600"))
    stay_signed_in(browser, clock, DAY + 60)
    again = browser.submit(asked, path, grace="604800")
    assert SECRET.search(again.text) is None
    assert "This form is shown again" in again.text
    assert dict(browser.form(again, path).fields)["grace"] == "604800"
    secret_in(browser.submit(again, path))


@pytest.mark.parametrize("attempt", ["", "x", "99999999999.AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA", None])
def test_a_form_without_an_attempt_of_ours_makes_nothing(console: Console, attempt: str | None) -> None:
    browser = console.browser()
    review = browser.submit(browser.get(NEW), NEW, button=REVIEW, **TYPED)
    answer = browser.submit(review, NEW, button=CREATE, attempt=attempt)
    assert SECRET.search(answer.text) is None
    assert console.ids() == []


def test_a_session_that_ends_at_the_last_moment_loses_nothing_typed(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = console.browser(name="Anna")
    review = browser.submit(browser.get(NEW), NEW, button=REVIEW, **TYPED)
    first = CommandHandler.create

    def after_the_end(*args: Any) -> Any:
        monkeypatch.setattr(CommandHandler, "create", first)
        console.keys.sign_in.end_all(_only_person(console))
        return first(*args)

    monkeypatch.setattr(CommandHandler, "create", after_the_end)
    refused = browser.submit(review, NEW, button=CREATE)
    assert (refused.status_code, console.ids()) == (403, [])
    browser.sign_in(console.link(name="Anna"))
    again = browser.submit(refused, NEW)
    assert dict(browser.form(again).fields)["name"] == "Railway"
    secret_in(browser.submit(browser.submit(again, NEW, button=REVIEW), NEW, button=CREATE))


def test_nor_does_a_database_that_is_away(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = console.browser()
    review = browser.submit(browser.get(NEW), NEW, button=REVIEW, **TYPED)

    def away(*_: Any) -> Any:
        raise OperationalError("", {}, Exception("away"))

    with monkeypatch.context() as patch:
        patch.setattr(CommandHandler, "create", away)
        refused = browser.submit(review, NEW, button=CREATE)
    assert refused.status_code == 503
    again = browser.submit(refused, NEW)
    assert dict(browser.form(again).fields)["name"] == "Railway"
    assert console.ids() == []


def test_a_deletion_that_needs_a_new_sign_in_keeps_the_name_typed(console: Console, clock: ManualClock) -> None:
    browser = console.browser(name="Anna")
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/delete"
    asked = browser.get(path)
    clock.advance(RECENT.total_seconds())
    refused = browser.submit(asked, path, name="Railway")
    assert refused.status_code == 403
    browser.sign_in(console.link(name="Anna"))
    again = browser.submit(refused, path)
    assert dict(browser.form(again, path).fields)["name"] == "Railway"
    assert browser.submit(again, path).status_code == 200
    assert console.ids() == []


def test_a_language_chosen_on_the_page_of_a_link_keeps_the_link(console: Console) -> None:
    browser, link = Browser(console.app), console.link()
    page = browser.get(f"/console/link/{link}")
    (form,) = (each for each in forms_of(page.text) if each.action == "/console/preferences")
    chosen = browser.post(form.action, [*form.fields, ("language", "es")])
    page = browser.get(chosen.headers["location"])
    assert 'lang="es"' in page.text
    assert browser.submit(page, "/console/sign-in").status_code == 303
    assert browser.get("/console/keys").status_code == 200


def test_a_language_chosen_on_a_filtered_list_keeps_its_filters(console: Console) -> None:
    browser, asked = console.browser(), "/console/keys?q=Railway&sort=name&q2=grl_" + "A" * 49
    (form,) = (each for each in forms_of(browser.get(asked).text) if each.action == "/console/preferences")
    chosen = browser.post(form.action, [*form.fields, ("language", "fr")])
    assert chosen.headers["location"] == "/console/keys?q=Railway&sort=name&q2=grl_[redacted]"


def test_people_without_a_name_are_each_their_own(console: Console) -> None:
    one, other = console.browser(Role.OWNER), console.browser(Role.OWNER)
    assert one.get("/console/sessions").text.count(">Firefox") == 1
    token = [pair for pair in forms_of(one.get("/console/sessions").text)[0].fields if pair[0] == "csrf"]
    assert one.post("/console/sessions", [*token, ("session", "all")]).status_code == 303
    assert other.get("/console/keys").status_code == 200


def _only_person(console: Console) -> str:
    with console.keys.database.reading() as tx:
        return str(tx.execute(select(tables.console_person.c.id)).scalar_one())
