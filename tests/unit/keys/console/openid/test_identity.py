"""Identity: which organisation and role an issuer's claims give, and what is missing where they give none."""

from typing import Any

import pytest

from services.keys.console.openid.identity import ClaimRules, Identity, NotMapped, identity_of
from services.keys.revocation.session_fence import Role

ISSUER = "https://issuer.example"


def rules(**different: Any) -> ClaimRules:
    parts: dict[str, Any] = {
        "organisation_claim": "org",
        "organisations": {"rail": "org_1", "quake": "org_2"},
        "role_claim": "groups",
        "roles": {"owners": Role.OWNER, "admins": Role.ADMIN, "staff": Role.USER},
    }
    return ClaimRules(**parts | different)


def identified(claims: dict[str, Any], **different: Any) -> Identity:
    return identity_of(ISSUER, {"sub": "anna", "org": "rail", "groups": ["admins"]} | claims, rules(**different))


def test_values_give_organisation_and_role() -> None:
    found = identified({"name": " Anna ", "email": "anna@example.org", "zoneinfo": "Europe/Rome"})
    assert (found.organisation_id, found.role) == ("org_1", Role.ADMIN)
    assert (found.name, found.address, found.time_zone) == ("Anna", "anna@example.org", "Europe/Rome")


def test_of_several_roles_the_one_that_may_most_counts() -> None:
    assert identified({"groups": ["staff", "owners", "admins", "others"]}).role is Role.OWNER


def test_a_claim_may_lie_inside_another_or_have_a_name_with_dots() -> None:
    nested = {"realm": {"roles": ["staff"]}}
    assert identified(nested, role_claim="realm.roles").role is Role.USER
    dotted = {"https://grillo.example/role": "owners"}
    assert identified(dotted, role_claim="https://grillo.example/role").role is Role.OWNER


def test_everybody_may_be_given_something() -> None:
    found = identified({"org": None, "groups": None}, organisations={"*": "org_1"}, roles={"*": Role.USER})
    assert (found.organisation_id, found.role) == ("org_1", Role.USER)
    more = {"*": Role.USER, "admins": Role.ADMIN}
    assert identified({}, roles=more).role is Role.ADMIN


def test_nobody_is_everybody_by_saying_so() -> None:
    with pytest.raises(NotMapped):
        identified({"groups": ["*"]})


@pytest.mark.parametrize(
    ("claims", "missing"),
    [
        ({"org": "other"}, ("org",)),
        ({"groups": []}, ("groups",)),
        ({"groups": "Admins"}, ("groups",)),
        ({"groups": [True, 7, None, ["admins"]]}, ("groups",)),
        ({"org": ["rail", "quake"]}, ("org",)),
        ({"org": 7, "groups": 7}, ("org", "groups")),
    ],
)
def test_what_gives_nothing_is_named(claims: dict[str, Any], missing: tuple[str, ...]) -> None:
    with pytest.raises(NotMapped) as refused:
        identified(claims)
    assert refused.value.claims == missing


@pytest.mark.parametrize("verified", [None, False, "true"])
def test_an_address_that_the_issuer_has_not_verified_gives_nothing(verified: object) -> None:
    """Else anybody who types the address there would be its owner."""
    by_address: dict[str, Any] = {"role_claim": "email", "roles": {"anna@example.org": Role.OWNER}}
    claims = {"email": "anna@example.org"}
    with pytest.raises(NotMapped):
        identified(claims | {"email_verified": verified}, **by_address)
    assert identified(claims | {"email_verified": True}, **by_address).role is Role.OWNER
