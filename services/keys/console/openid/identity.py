"""Identity: whom an issuer's claims speak of, and the organisation and role that the configuration gives them for that.

Pure. Who is given none is refused, and told which claim is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.keys.revocation.session_fence import Role

EVERYBODY = "*"  # in place of a claim's value: everybody who signs in
SUBJECT_MAX = 255  # OpenID Connect Core, section 2
_STRONGEST_FIRST = (Role.OWNER, Role.ADMIN, Role.USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """`organisations`, `roles`: what each value of that claim gives. A claim's name may be a path, `realm.roles`."""

    organisation_claim: str
    organisations: Mapping[str, str]
    role_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`subject`: what the issuer knows the person by, for ever. `name` and `address` are theirs to erase."""

    issuer: str
    subject: str
    organisation_id: str
    role: Role
    name: str
    address: str | None
    time_zone: str


class NotMapped(Exception):
    """The claims give no organisation, or no role. `claims`: the names of those that lack a value that would."""

    def __init__(self, claims: tuple[str, ...]) -> None:
        self.claims = claims
        super().__init__(", ".join(claims))


def identity_of(issuer: str, claims: Mapping[str, Any], rules: ClaimRules) -> Identity:
    """Raises NotMapped."""
    given = _given(claims, rules.organisation_claim, rules.organisations)
    organisations = {rules.organisations[value] for value in given}
    roles = {rules.roles[value] for value in _given(claims, rules.role_claim, rules.roles)}
    # Of two organisations none is chosen for the person.
    missing = {rules.organisation_claim: len(organisations) == 1, rules.role_claim: bool(roles)}
    if not all(missing.values()):
        raise NotMapped(tuple(name for name, is_there in missing.items() if not is_there))
    (organisation_id,) = organisations
    return Identity(
        issuer=issuer,
        subject=str(claims["sub"]),
        organisation_id=organisation_id,
        role=next(role for role in _STRONGEST_FIRST if role in roles),
        name=_text(claims.get("name")) or _text(claims.get("preferred_username")),
        address=_text(claims.get("email")) or None,
        time_zone=_text(claims.get("zoneinfo")),
    )


def is_mapped(claims: Mapping[str, Any], rules: ClaimRules) -> bool:
    try:
        identity_of("", claims, rules)
    except NotMapped:
        return False
    return True


def _given(claims: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> set[str]:
    return (_values(claims, name) | {EVERYBODY}) & set(known)


def _values(claims: Mapping[str, Any], name: str) -> set[str]:
    """The texts that a claim holds. An e-mail address counts once the issuer has verified it: else anybody has it."""
    if name == "email" and claims.get("email_verified") is not True:
        return set()
    found: Any = claims.get(name)
    if name not in claims:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return {value for value in listed if isinstance(value, str) and value and value != EVERYBODY}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
