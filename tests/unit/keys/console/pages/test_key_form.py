"""Forms of keys: what a person typed becomes what the API would take, and each fault names its field."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.console.pages import key_form
from services.keys.console.pages.key_form import KeyFaulty, Typed
from services.keys.console.rendering.form import Form
from services.keys.lifecycle.key import Status
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from tests.examples import NOON

TIER = Limits(minute=300, day=100_000)


def typed(**different: Any) -> Typed:
    fields = {"name": "Railway", "permissions": ("sensors:read",), "expiry": "90"} | different
    return Typed(**fields)


def view(**different: Any) -> KeyView:
    nothing: dict[str, Any] = dict.fromkeys(name for name in KeyView.__dataclass_fields__)
    known = {
        "id": "key_1",
        "organisation_id": "org_1",
        "revision": 3,
        "name": "Railway",
        "description": "",
        "labels": {"env": "prod"},
        "permissions": ("sensors:read",),
        "status": Status.ACTIVE,
        "created_at": NOON,
        "allow_query": True,
        "allowed_addresses": (),
    }
    return KeyView(**nothing | known | different)


def faults(**different: Any) -> set[str]:
    with pytest.raises(KeyFaulty) as refused:
        key_form.wanted_key(typed(**different), NOON, TIER)
    return set(refused.value.fields)


def test_a_form_becomes_a_key() -> None:
    key = key_form.wanted_key(
        typed(labels="env:prod\n\nteam: rail ", addresses="192.0.2.0/24, 198.51.100.7", minute="10", allow_query=True),
        NOON,
        TIER,
    )
    assert key.description.name == "Railway"
    assert key.description.labels == {"env": "prod", "team": "rail"}
    assert key.permissions == ("sensors:read",)
    assert key.expires_at == NOON + timedelta(days=90)
    assert key.allowed_addresses == ("192.0.2.0/24", "198.51.100.7")
    assert (key.minute_limit, key.day_limit, key.allow_query) == (10, None, True)


def test_a_date_is_good_to_its_end() -> None:
    key = key_form.wanted_key(typed(expiry="date", expires_on="2027-01-31"), NOON, TIER)
    assert key.expires_at == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)


def test_never_asks_why_and_keeps_the_answer() -> None:
    assert faults(expiry="never") == {"never_reason"}
    key = key_form.wanted_key(typed(expiry="never", never_reason="burned into the firmware"), NOON, TIER)
    assert key.expires_at is None
    assert "burned into the firmware" in key.description.description


@pytest.mark.parametrize(
    ("field", "different"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "grl_" + "a" * 49}),
        ("name", {"name": "left\u202eright"}),
        ("description", {"description": "x" * 1001}),
        ("permissions", {"permissions": ()}),
        ("permissions", {"permissions": ("fly",)}),
        ("labels", {"labels": "no colon"}),
        ("labels", {"labels": "\n".join(f"l{n}:v" for n in range(11))}),
        ("expiry", {"expiry": "date", "expires_on": "2020-01-01"}),
        ("expiry", {"expiry": "date", "expires_on": ""}),
        ("expiry", {"expiry": ""}),
        ("addresses", {"addresses": "somewhere"}),
        ("minute", {"minute": "many"}),
        ("minute", {"minute": "301"}),
        ("day", {"day": "0"}),
    ],
)
def test_a_fault_names_its_field(field: str, different: dict[str, Any]) -> None:
    assert faults(**different) == {field}


def test_several_faults_are_told_at_once() -> None:
    assert faults(name="", permissions=(), minute="x") == {"name", "permissions", "minute"}


def test_what_is_sent_back_as_it_was_changes_nothing() -> None:
    before = view(expires_at=NOON + timedelta(days=5), minute_limit=30, allowed_addresses=("192.0.2.0/24",))
    assert key_form.changes(before, key_form.typed_of(before)).given == {}


def test_only_what_differs_is_changed_and_what_is_left_out_goes() -> None:
    before = view(minute_limit=30, description="old")
    after = key_form.typed_of(before).with_(labels="team:rail", minute="", description="")
    assert key_form.changes(before, after).given == {
        "labels": {"env": None, "team": "rail"},
        "limits": {"minute": None},
        "description": "",
    }


def test_of_two_editors_the_second_loses_nothing() -> None:
    base = view()
    theirs = key_form.typed_of(view(name="Theirs", labels={"env": "dev"}))
    mine = key_form.typed_of(base).with_(name="Mine", minute="7")
    merged = key_form.merged(key_form.typed_of(base), theirs, mine)
    assert merged.typed == mine.with_(labels=theirs.labels)
    assert merged.changed == ("name", "labels")
    assert merged.contested == ("name",)


FIELDS = st.sampled_from(["name", "labels", "minute", "expiry", "expires_on", "addresses", "permissions", "csrf"])


@given(st.lists(st.tuples(FIELDS, st.text())))
def test_whatever_is_sent_is_a_key_or_a_fault(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(KeyFaulty):
        key_form.wanted_key(key_form.typed_in(Form(pairs)), NOON, TIER)
