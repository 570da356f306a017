"""What is told where a key ends: what will fail, who is locked out, what a leaked key leaves to do."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from services.keys.commands.command_inputs import KeyRequest
from services.keys.console.pages.ending.what_will_fail import WhatWillFail, what_will_fail
from services.keys.encryption.description import Description
from services.keys.revocation.propagation import GateReceipt, Receipt
from services.keys.revocation.receipts import Receipts
from services.keys.revocation.session_fence import Role
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock
from tests.examples import NOON
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create
from tests.integration.keys.console.usage_double import Usage, request


@pytest.fixture
def usage() -> Usage:
    return Usage()


@pytest.fixture
def browser(console: Console, usage: Usage) -> Browser:
    browser = Browser(console.at("http://127.0.0.1:8000", usage))
    browser.sign_in(console.link(name="Anna"))
    return browser


@pytest.fixture
def key_id(console: Console, browser: Browser) -> str:
    create(browser)
    return console.ids()[0]


def made_by(console: Console, maker: str, name: str) -> str:
    wanted = KeyRequest(description=Description(name=name), permissions=("sensors:read",))
    origin = Origin(actor=maker, request_id="req_1")
    return console.keys.commands.create(console.organisation_id, wanted, origin).key_id


def test_what_will_fail_is_counted_by_where_it_comes_from(usage: Usage) -> None:
    usage.requests = (request(), request(requests=3, address="198.51.100.1"), request(user_agent="R"), request())
    failing = what_will_fail(usage, "org", "key", NOON)
    sources = (("198.51.100.1", "curl", 3), ("192.0.2.7", "curl", 2), ("192.0.2.7", "R", 1))
    assert failing == WhatWillFail(requests=1234, sources=sources, is_sample=False)
    assert usage.narrowed[-1][0].start is not None


@pytest.mark.parametrize("verb", ["revoke", "suspend", "delete"])
def test_before_a_key_ends_it_is_told_what_will_fail(browser: Browser, usage: Usage, key_id: str, verb: str) -> None:
    usage.requests = (request(),)
    asked = browser.get(f"/console/keys/{key_id}/{verb}").text
    assert "1,234 requests in the last hour" in asked
    assert "192.0.2.7" in asked
    usage.is_there = False
    assert "is missing right now" in browser.get(f"/console/keys/{key_id}/{verb}").text


@pytest.mark.parametrize("verb", ["revoke", "suspend", "delete", "compromised"])
def test_a_lock_out_is_told_before_it_is_asked_for_with_the_way_out(
    console: Console, browser: Browser, verb: str
) -> None:
    create(browser, name="Last", permissions=["admin"])
    (last,) = console.ids()
    asked = browser.get(f"/console/keys/{last}/{verb}").text
    assert "no admin key left" in asked
    assert f"/console/keys/new?like={last}" in asked
    create(browser, name="Other", permissions=["admin"])
    assert "no admin key left" not in browser.get(f"/console/keys/{last}/{verb}").text


def test_a_leaked_key_is_ended_with_what_it_made_and_replaced_on_one_page(
    console: Console, browser: Browser, usage: Usage, key_id: str, clock: ManualClock
) -> None:
    made = made_by(console, key_id, "By the thief")
    clock.advance(60)
    usage.requests = (request(),)
    path = f"/console/keys/{key_id}/compromised"
    asked = browser.get(path)
    for words in ("By the thief", "192.0.2.7", "hooks.example", "Anna"):
        assert words in asked.text, words
    assert asked.text.count("Done") == 0
    done = browser.submit(asked, path, also_made="on")
    assert done.status_code == 200
    assert "refused by" in done.text
    for each in (key_id, made):
        assert console.keys.queries.get_key(console.organisation_id, each).status == "revoked"
    assert browser.get(path).text.count('class="done"') == 2
    create(browser)
    # Another person goes on where the first one stopped.
    other = Browser(browser_app(console, usage))
    other.sign_in(console.link(Role.ADMIN, "Ben"))
    assert other.get(path).text.count('class="done"') == 3


def test_what_it_made_is_ended_also_when_it_is_found_after_the_revocation(
    console: Console, browser: Browser, key_id: str, clock: ManualClock
) -> None:
    made = made_by(console, key_id, "By the thief")
    clock.advance(2 * 86_400)
    path = f"/console/keys/{key_id}/compromised"
    browser.sign_in(console.link(name="Anna"))
    asked = browser.get(path)
    assert "By the thief" not in asked.text, "more than a day ago"
    browser.submit(asked, path)
    assert console.keys.queries.get_key(console.organisation_id, made).status == "active"
    found = browser.get(f"{path}?since=2026-11-23T11:00")
    assert "By the thief" in found.text
    ended = browser.submit(found, path)
    assert ended.status_code == 200
    assert console.keys.queries.get_key(console.organisation_id, made).status == "revoked"
    assert "date and time that is over" in browser.get(f"{path}?since=soon").text


def test_the_walk_locks_nobody_out_unasked_and_only_those_who_may_change_walk_it(
    console: Console, browser: Browser
) -> None:
    create(browser, permissions=["admin"])
    (last,) = console.ids()
    path = f"/console/keys/{last}/compromised"
    refused = browser.submit(browser.get(path), path)
    assert refused.status_code == 409
    assert console.keys.queries.get_key(console.organisation_id, last).status == "active"
    forged = [("csrf", "0" * 128), ("force", "on")]
    assert browser.post(path, forged).status_code == 200
    assert console.keys.queries.get_key(console.organisation_id, last).status == "active"
    assert browser.submit(refused, path, force="on").status_code == 200
    assert console.keys.queries.get_key(console.organisation_id, last).status == "revoked"
    assert console.browser(Role.USER, name="Eve").get(path).status_code == 403


def test_a_gate_that_was_counted_out_is_told_in_plain_words(
    browser: Browser, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = (GateReceipt(id="gate_1", applied_ms=9), GateReceipt(id="gate_2", applied_ms=None))
    monkeypatch.setattr(Receipts, "certain", receipt_of(*gates))
    path = f"/console/keys/{key_id}/suspend"
    told = browser.submit(browser.get(path), path).text
    assert "refused by 1 gate in 1500 ms" in told
    assert "1 gate did not answer and was counted out" in told
    assert "it refuses every request" in told


def receipt_of(*gates: GateReceipt) -> Callable[..., Receipt]:
    def certain(*_: Any) -> Receipt:
        return Receipt(position=4, propagated=True, elapsed_ms=1500, gates=gates)

    return certain


def browser_app(console: Console, usage: Usage) -> Any:
    return console.at("http://127.0.0.1:8000", usage)


def test_every_receipt_comes_with_its_proof_to_keep_and_the_command_that_checks_it(
    signing_console: Console,
) -> None:
    browser = signing_console.browser()
    pages = [create(browser)]
    (key_id,) = signing_console.ids()
    path = f"/console/keys/{key_id}"
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("edit", {"minute": "7"}),
        ("rotate", {"grace": "0"}),
        ("suspend", {}),
        ("resume", {}),
        ("revoke", {}),
        ("delete", {"name": "Railway"}),
    )
    for verb, fields in changes:
        pages.append(browser.submit(browser.get(f"{path}/{verb}"), f"{path}/{verb}", **fields))
    for page in pages:
        (file,) = re.findall(r'download="(receipt-\d+\.json)" href="data:application/json,%7B', page.text)
        assert f"grillo audit receipt {file} --keys grillo-keys.json" in page.text
        assert "/.well-known/grillo-keys" in page.text
