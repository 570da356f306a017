"""Settings of sign-in by OpenID Connect, from the environment: the issuer, our account there, and what claims give."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.keys.console.openid.identity import ClaimRules
from services.keys.revocation.session_fence import Role
from shared.environment import SettingWrong, text

_ORGANISATION = re.compile(r"org_[0-9A-Za-z]{1,28}", re.ASCII)
_CLAIM = re.compile(r"[!-~]{1,200}", re.ASCII)
_SCOPES = re.compile(r"[!-~]+(?: [!-~]+)*", re.ASCII)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdSettings:
    """`client_secret`: None for a client without one, which PKCE alone protects."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str
    rules: ClaimRules

    @property
    def host(self) -> str:
        """What people know the issuer by."""
        return urlsplit(self.issuer).netloc


def read_openid_settings() -> OpenIdSettings | None:
    """None: OIDC_ISSUER is not set. Raises SettingWrong."""
    issuer = text("OIDC_ISSUER")
    if not issuer:
        return None
    if not is_safe(issuer) or "?" in issuer or "#" in issuer:
        raise SettingWrong("OIDC_ISSUER must be the issuer's https address, as its discovery document says it.")
    scopes = text("OIDC_SCOPES", "openid profile email")
    if not _SCOPES.fullmatch(scopes) or "openid" not in scopes.split():
        raise SettingWrong("OIDC_SCOPES must be scopes with a space between, openid among them.")
    client_id = text("OIDC_CLIENT_ID")
    if not client_id:
        raise SettingWrong("OIDC_CLIENT_ID is not set; set it to the name by which the issuer knows the console.")
    return OpenIdSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=text("OIDC_CLIENT_SECRET") or None,
        scopes=scopes,
        rules=ClaimRules(
            organisation_claim=_claim("OIDC_ORGANISATION_CLAIM", "organization"),
            organisations=_pairs("OIDC_ORGANISATIONS", "VALUE:org_…", _ORGANISATION),
            role_claim=_claim("OIDC_ROLE_CLAIM", "groups"),
            roles={
                value: Role(role)
                for value, role in _pairs("OIDC_ROLES", "VALUE:owner, :admin or :user", _role_form()).items()
            },
        ),
    )


def is_safe(url: str) -> bool:
    """https, or this machine's own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _claim(name: str, default: str) -> str:
    claim = text(name, default)
    if not _CLAIM.fullmatch(claim):
        raise SettingWrong(f"{name} must be the name of a claim.")
    return claim


def _pairs(name: str, form: str, right: re.Pattern[str]) -> dict[str, str]:
    """Value of a claim → what it gives. A value may hold spaces and colons, and no comma."""
    pairs = [part.strip().rpartition(":") for part in text(name).split(",") if part.strip()]
    if not pairs or not all(value and right.fullmatch(given) for value, _, given in pairs):
        raise SettingWrong(f"{name} must be {form}, separated by commas; * as VALUE is everybody who signs in.")
    return {value: given for value, _, given in pairs}


def _role_form() -> re.Pattern[str]:
    return re.compile("|".join(Role))
