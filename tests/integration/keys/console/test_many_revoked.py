"""Revocation of several keys at once: shown first, asked about, done once, with one receipt."""

from collections.abc import Mapping

import pytest

from services.keys.console.pages.key_usage import KeyDay
from services.keys.revocation.session_fence import Role
from shared.runtime.clock import ManualClock
from tests.integration.keys.console.browsing import Browser, forms_of
from tests.integration.keys.console.scene import Console, create
from tests.integration.keys.console.usage_double import Usage

LIST = "/console/keys"
REVOKE = f"{LIST}/revoke"


def ids(console: Console) -> Mapping[str, str]:
    return {key.name: key.id for key in console.keys.queries.list_keys(console.organisation_id, 100).keys}


def statuses(console: Console) -> Mapping[str, str]:
    keys = console.keys.queries.list_keys(console.organisation_id, 100).keys
    return {key.name: key.status.value for key in keys}


def asked_for(*key_ids: str) -> str:
    return f"{REVOKE}?" + "&".join(f"key={key_id}" for key_id in key_ids)


def test_those_that_were_chosen_end_together_with_one_receipt(
    console: Console,
    browser: Browser,
    usage: Usage,
) -> None:
    for name in ("one", "two", "three"):
        create(browser, name=name)
    key = ids(console)
    usage.days[key["one"]] = KeyDay(requests=(7,), refused=(0,), in_last_hour=7)
    chosen = [form for form in forms_of(browser.get(LIST).text) if form.action == REVOKE]
    assert [form.method for form in chosen] == ["get"], "the list sends what was chosen in the URL"
    asked = browser.get(asked_for(key["one"], key["two"], key["one"]))
    assert "2 keys will stop working at once" in asked.text
    assert ">7</td>" in asked.text, "what will fail"
    assert set(statuses(console).values()) == {"active"}, "so far it is only shown"
    done = browser.submit(asked, REVOKE, reason="superseded")
    assert done.status_code == 200
    assert "All are refused by" in done.text
    assert statuses(console) == {"one": "revoked", "two": "revoked", "three": "active"}
    head = console.keys.store
    with console.keys.database.reading() as tx:
        before = head.head(tx)
    again = browser.submit(asked, REVOKE, reason="superseded")
    with console.keys.database.reading() as tx:
        assert head.head(tx) == before, "sent twice, done once"
    assert again.status_code == 200
    assert "2 keys revoked" in again.text
    changed = [
        *((name, value) for name, value in browser.form(asked, REVOKE).fields if name != "key"),
        ("key", key["three"]),
    ]
    assert browser.post(REVOKE, changed).status_code == 422, "another form is no repetition of this one"
    assert statuses(console)["three"] == "active"


def test_only_those_are_counted_that_it_ended(console: Console, browser: Browser) -> None:
    for name in ("one", "two"):
        create(browser, name=name)
    asked = browser.get(asked_for(*ids(console).values()))
    path = f"{LIST}/{ids(console)['one']}/revoke"
    browser.submit(browser.get(path), path)
    assert "1 key revoked" in browser.submit(asked, REVOKE).text


def test_a_lock_out_is_told_before_and_stops_what_nobody_forced(
    console: Console,
    browser: Browser,
) -> None:
    for name, permission in (("admin", "admin"), ("reader", "sensors:read")):
        create(browser, name=name, permissions=[permission])
    key = ids(console)
    asked = browser.get(asked_for(*key.values()))
    assert "no admin key left" in asked.text
    refused = browser.submit(asked, REVOKE)
    assert refused.status_code == 409
    assert set(statuses(console).values()) == {"active"}, "all or none"
    create(browser, name="another admin", permissions=["admin"])
    assert "no admin key left" not in browser.get(asked_for(*key.values())).text
    browser.submit(browser.get(asked_for(ids(console)["another admin"])), REVOKE)
    assert browser.submit(refused, REVOKE, force="on").status_code == 200
    assert set(statuses(console).values()) == {"revoked"}


@pytest.mark.parametrize("chosen", ["", "?key=", "?key=key_unknown", "?key=a%00b"])
def test_nothing_chosen_leads_back_to_the_list(console: Console, chosen: str) -> None:
    answer = console.browser().get(f"{REVOKE}{chosen}")
    assert answer.status_code == 200
    assert "No key is chosen" in answer.text


def test_only_who_may_change_and_only_their_own(
    console: Console,
    browser: Browser,
    clock: ManualClock,
) -> None:
    create(browser, name="ours")
    key_id = ids(console)["ours"]
    assert console.browser(Role.USER, name="Uma").get(asked_for(key_id)).status_code == 403
    other = Browser(console.app)
    other.sign_in(console.keys.sign_in.new_link(_another_organisation(console), Role.OWNER))
    assert "No key is chosen" in other.get(asked_for(key_id)).text
    asked = browser.get(asked_for(key_id))
    fields = [(name, value) for name, value in browser.form(asked).fields if name != "csrf"]
    assert browser.post(REVOKE, [*fields, ("csrf", "0" * 128)]).status_code == 200
    assert browser.post(REVOKE, browser.form(asked).fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert statuses(console) == {"ours": "active"}


def _another_organisation(console: Console) -> str:
    from tests.examples import ORIGIN

    return console.keys.commands.organisations.register("Others", "standard", ORIGIN)
