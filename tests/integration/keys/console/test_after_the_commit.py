"""What is told after a commit: a secret and a receipt are shown, whatever became of the key or the database since."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import Made, Revocation
from services.keys.views.queries import KeyQueries
from tests.examples import ORIGIN
from tests.integration.keys.console.scene import CREATE, REVIEW, Console, create, secret_in, sign_out_form

NEW = "/console/keys/new"


@pytest.fixture(params=["deleted", "database-away"])
def after(request: pytest.FixtureRequest, console: Console, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the command of that name be followed by a deletion of all keys, or by a database that is away."""

    def away(*_: Any) -> Any:
        raise OperationalError("", {}, Exception("away"))

    def delete_all() -> None:
        for key_id in console.ids():
            console.keys.commands.delete(console.organisation_id, key_id, ORIGIN)

    def break_off() -> None:
        for name in ("get_key", "all_keys", "organisation"):
            monkeypatch.setattr(KeyQueries, name, away)

    happen = delete_all if request.param == "deleted" else break_off

    def arrange(name: str) -> None:
        command = getattr(CommandHandler, name)

        def and_then(*args: Any, **options: Any) -> Any:
            done = command(*args, **options)
            monkeypatch.setattr(CommandHandler, name, command)
            happen()
            return done

        monkeypatch.setattr(CommandHandler, name, and_then)

    return arrange


def test_the_secret_of_a_new_key(console: Console, after: Callable[[str], None]) -> None:
    browser = console.browser()
    typed = {"name": "Railway", "permissions": ["sensors:read"]}
    review = browser.submit(browser.get(NEW), NEW, button=REVIEW, **typed)
    after("create")
    shown = browser.submit(review, NEW, button=CREATE)
    assert secret_in(shown)
    assert "Railway" in shown.text


def test_the_new_secret_of_a_rotation(console: Console, after: Callable[[str], None]) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/rotate"
    asked = browser.get(path)
    after("rotate")
    shown = browser.submit(asked, path, grace="3600")
    assert secret_in(shown)
    assert "The old secret works until" in shown.text


def test_the_new_secret_of_an_edit(console: Console, after: Callable[[str], None]) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/edit"
    asked = browser.submit(browser.get(path), path, permissions=["sensors:read", "events:read"])
    after("edit")
    assert secret_in(browser.submit(asked, path, regenerate="on"))


@pytest.mark.parametrize("verb", ["revoke", "suspend", "resume"])
def test_the_receipt(console: Console, after: Callable[[str], None], verb: str) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    if verb == "resume":
        console.keys.commands.suspend(console.organisation_id, key_id, ORIGIN)
    path = f"/console/keys/{key_id}/{verb}"
    asked = browser.get(path)
    after(verb)
    told = browser.submit(asked, path)
    assert told.status_code == 200
    assert "in the log of changes" in told.text


def test_the_receipt_of_a_key_that_leaked(console: Console, after: Callable[[str], None]) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/compromised"
    fields = dict(sign_out_form(browser.get(path)))
    after("revoke")
    told = browser.post(path, fields)
    assert told.status_code == 200
    assert "in the log of changes" in told.text


def test_what_a_revoked_key_made_is_read_at_once_and_said_to_be_more_than_is_listed(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = console.browser()
    for name in ("maker", "made"):
        create(browser, name=name)
    keys = {key.name: key.id for key in console.keys.queries.list_keys(console.organisation_id, 10).keys}
    revoke = CommandHandler.revoke

    def with_made(*args: Any) -> Revocation:
        made = Made(ids=(keys["made"], "key_gone"), is_complete=False)
        return Revocation(receipt=revoke(*args).receipt, made=made)

    path = f"/console/keys/{keys['maker']}/revoke"
    asked = browser.get(path)
    monkeypatch.setattr(CommandHandler, "revoke", with_made)
    told = browser.submit(asked, path).text
    assert f'href="/console/keys/{keys["made"]}"' in told
    assert "1 more is deleted" in told
    assert "There are more than are listed here" in told
