"""Settings of sign-in by an issuer: what they mean, and what is refused with a line that names it."""

import pytest

from services.keys.console.openid.settings import read_openid_settings
from services.keys.revocation.session_fence import Role
from shared.environment import SettingWrong

GOOD = {
    "OIDC_ISSUER": "https://issuer.example/realms/grillo",
    "OIDC_CLIENT_ID": "grillo",
    "OIDC_CLIENT_SECRET": "hunter2",
    "OIDC_ORGANISATIONS": "rail:org_1, Protezione Civile: Roma:org_2",
    "OIDC_ROLES": "Grillo admins:admin,*:user",
}
OPTIONAL = ("OIDC_ORGANISATION_CLAIM", "OIDC_ROLE_CLAIM", "OIDC_SCOPES")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*GOOD, *OPTIONAL):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def test_without_an_issuer_there_is_nothing_to_set() -> None:
    assert read_openid_settings() is None


def test_what_values_of_claims_give(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    settings = read_openid_settings()
    assert settings is not None
    assert settings.rules.organisations == {"rail": "org_1", "Protezione Civile: Roma": "org_2"}
    assert settings.rules.roles == {"Grillo admins": Role.ADMIN, "*": Role.USER}
    assert (settings.rules.organisation_claim, settings.rules.role_claim) == ("organization", "groups")
    assert settings.host == "issuer.example"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://issuer.example"),
        ("OIDC_ISSUER", "issuer.example"),
        ("OIDC_ISSUER", "https://"),
        ("OIDC_ISSUER", "https://issuer.example?x"),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_ORGANISATIONS", ""),
        ("OIDC_ORGANISATIONS", "rail"),
        ("OIDC_ORGANISATIONS", "rail:org"),
        ("OIDC_ROLES", ""),
        ("OIDC_ROLES", "admins:emperor"),
        ("OIDC_ROLES", ":admin"),
        ("OIDC_ROLE_CLAIM", "a claim"),
        ("OIDC_SCOPES", "profile"),
    ],
)
def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    for each, given in (GOOD | {name: value}).items():
        monkeypatch.setenv(each, given)
    with pytest.raises(SettingWrong, match=name) as refused:
        read_openid_settings()
    assert "hunter2" not in str(refused.value)
