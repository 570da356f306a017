"""What the form of a new key begins with: nothing that nobody asked for, and what a link asked for by name."""

from datetime import UTC, datetime

from services.keys.console.pages import key_form
from services.keys.console.pages.creation import prefill
from services.keys.console.pages.creation.prefill import Template
from shared.gate.grants.grant import Limits

NOW = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


def test_a_link_prefills_what_it_knows_and_names_it() -> None:
    asked = {"name": "Quake app", "permissions": "read:sensors,events:read,fly", "expires_in": "7776000"}
    prefilled = prefill.of_link(asked, "30")
    assert prefilled.typed.name == "Quake app"
    assert prefilled.typed.permissions == ("sensors:read", "events:read")
    assert prefilled.typed.expiry == "90"
    assert prefilled.named == ("name", "permissions", "expiry")
    assert prefilled.unknown == ("fly",)


def test_a_link_that_asks_for_nothing_or_in_a_strange_way_prefills_nothing() -> None:
    for asked in ({}, {"name": ["a", "b"]}, {"name": "  "}, {"permissions": " , "}, {"expires_in": "1"}):
        assert (prefill.of_link(asked, "30").named, prefill.of_link(asked, "30").typed.expiry) == ((), "30")
    assert prefill.of_link({"expires_in": "999999999"}, "30").named == ()


def test_each_template_is_a_key_that_lacks_a_name_only_and_none_is_an_admin_key() -> None:
    for template in Template:
        typed = prefill.of_template(template, "90", NOW).typed
        assert "admin" not in typed.permissions
        key = key_form.wanted_key(typed.with_(name="Railway"), NOW, Limits(minute=300, day=None))
        assert key.expires_at is not None
    assert prefill.of_template(Template.DOWNLOAD, "90", NOW).typed.expires_on == "2026-12-05"
