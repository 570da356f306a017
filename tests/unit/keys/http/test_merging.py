"""PATCH merges (RFC 7396): what is not named stays, null clears, and a key sent back as it was shown stays as it is."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from services.keys.encryption.description import Description
from services.keys.http.command_mapping import key_edit, key_request
from services.keys.http.representation import detailed
from services.keys.http.schemas.request_bodies import CreateKeySchema, EditKeySchema
from services.keys.lifecycle.key import Access, Status, settings
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from shared.values.permissions import PERMISSIONS
from shared.web.merge_patch.merging import merge_patch
from shared.web.merge_patch.read_only import check_fixed
from shared.web.problems.catalogue import Problem
from tests.examples import HINT, KEY_ID, NOON, ORGANISATION_ID

TIER = Limits(minute=300, day=100_000)
WRITABLE = ["name", "description", "labels", "permissions", "expires_at", "allow_query", "allowed_addresses", "limits"]
limits = st.none() | st.integers(1, 1_000_000)
moments = st.none() | st.integers(-(10**9), 10**9).map(lambda s: NOON + timedelta(seconds=s, microseconds=s % 7))
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
labels = st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), texts, max_size=10)
addresses = st.lists(st.sampled_from(["192.0.2.0/24", "2001:db8::1"]), max_size=3, unique=True).map(tuple)
# Also what no body may say today: names of before a rule, limits above a tier that was lowered, an expiry gone by.
views = st.builds(
    KeyView,
    id=st.just(KEY_ID),
    organisation_id=st.just(ORGANISATION_ID),
    revision=st.integers(1, 99),
    name=texts.filter(str.strip),
    description=texts,
    labels=labels,
    hint=st.just(HINT),
    permissions=st.lists(st.sampled_from(PERMISSIONS), min_size=1, unique=True).map(sorted).map(tuple),
    status=st.sampled_from(Status),
    created_at=st.just(NOON),
    created_by=st.just("operator"),
    rotated_at=moments,
    grace_until=moments,
    suspended_at=moments,
    expired_at=moments,
    revoked_at=moments,
    revocation_reason=st.just(None),
    revocation_note=st.just(None),
    last_used_at=moments,
    last_used_address=st.just(None),
    last_used_route=st.just(None),
    expires_at=moments,
    allow_query=st.booleans(),
    allowed_addresses=addresses,
    minute_limit=limits,
    day_limit=limits,
)
patches = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text("abc", min_size=1, max_size=5),
        "description": st.none() | st.text("abc \n", max_size=5),
        "labels": st.none() | st.dictionaries(st.sampled_from("abcd"), st.none() | st.just("x"), max_size=4),
        "expires_at": st.none() | st.just((NOON + timedelta(days=9)).isoformat()),
        "allow_query": st.booleans(),
        "allowed_addresses": st.none() | st.just(["192.0.2.7"]),
        "limits": st.none()
        | st.fixed_dictionaries(
            {}, optional={"minute": st.none() | st.integers(1, 300), "day": st.none() | st.integers(1, 9)}
        ),
    },
)


def edited(view: KeyView, body: dict[str, Any]) -> tuple[Description, tuple[str, ...], Access]:
    """What a key's settings are after a PATCH."""
    patch = EditKeySchema().load(body)
    check_fixed(patch.fixed, view)
    edit = key_edit(patch, NOON, TIER)
    words = Description(name=view.name, description=view.description, labels=view.labels)
    access = Access(**settings(view))
    return (
        edit.description(words) if edit.description else words,
        edit.permissions or view.permissions,
        edit.access(access) if edit.access else access,
    )


def as_shown(words: Description, permissions: tuple[str, ...], access: Access) -> dict[str, Any]:
    shown = asdict(words) | {"permissions": permissions} | settings(access)
    shown["limits"] = {"minute": shown.pop("minute_limit"), "day": shown.pop("day_limit")}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(shown))
    return plain


@examples(max_examples=30, phases=(Phase.explicit, Phase.generate))
@given(view=views)
def test_a_key_sent_back_as_it_was_shown_stays_as_it_is(view: KeyView) -> None:
    shown = msgspec.json.decode(msgspec.json.encode(detailed(view, "standard", TIER)))
    words, permissions, access = edited(view, shown)
    assert as_shown(words, permissions, access).items() <= shown.items()


@examples(max_examples=30, phases=(Phase.explicit, Phase.generate))
@given(view=views.filter(lambda view: len(view.labels) < 6), patch=patches)
def test_what_comes_of_a_patch_is_what_rfc_7396_says(view: KeyView, patch: dict[str, Any]) -> None:
    before = {name: value for name, value in detailed(view, "standard", TIER).items() if name in WRITABLE}
    merged = without_nulls(merge_patch(before, patch))
    assert without_nulls(as_shown(*edited(view, patch))) | {"expires_at": 0} == merged | {"expires_at": 0}


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """As a key may be shown: what is cleared is as if it had never been given."""
    absent: tuple[Any, ...] = ("", None, {}, [], ())
    limits = {name: limit for name, limit in document.get("limits", {}).items() if limit is not None}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document | {"limits": limits}))
    return {name: value for name, value in plain.items() if value not in absent}


VIEW = KeyView(
    **(
        asdict(Access(minute_limit=20, day_limit=100, expires_at=NOON + timedelta(days=1)))
        | dict.fromkeys(("rotated_at", "grace_until", "suspended_at", "expired_at", "revoked_at", "revocation_reason"))
        | dict.fromkeys(("last_used_at", "last_used_address", "last_used_route", "revocation_note"))
    ),
    id=KEY_ID,
    organisation_id=ORGANISATION_ID,
    revision=1,
    name="Line 4",
    description="",
    labels={str(number): "x" for number in range(9)},
    hint=HINT,
    permissions=("sensors:read",),
    status=Status.ACTIVE,
    created_at=NOON,
    created_by="operator",
)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"labels": {"a": "x", "b": "x"}}, "/labels"),
        ({"limits": {"minute": 301}}, "/limits/minute"),
        ({"expires_at": NOON.isoformat()}, "/expires_at"),
        ({"id": "key_other"}, "/id"),
        ({"hint": "grl_other"}, "/hint"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
        ({"created_by": "somebody"}, "/created_by"),
    ],
)
def test_what_comes_of_a_patch_keeps_the_bounds_and_what_is_fixed(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        edited(VIEW, body)
    assert list(refused.value.members["errors"]) == [pointer]


def test_one_label_is_taken_away_as_others_come() -> None:
    assert edited(VIEW, {"labels": {"0": None, "a": "x", "b": "y"}})[0].labels.keys() >= {"a", "b"}


@pytest.mark.parametrize(("permissions", "allowed"), [(["admin"], False), (["sensors:read"], True)])
def test_an_admin_key_is_not_sent_in_a_query_unless_told_otherwise(permissions: list[str], allowed: bool) -> None:
    body = {"name": "k", "permissions": permissions}
    assert key_request(CreateKeySchema().load(body), NOON, TIER).allow_query is allowed
    told = CreateKeySchema().load(body | {"allow_query": True})
    assert key_request(told, NOON, TIER).allow_query
