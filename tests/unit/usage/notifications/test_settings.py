"""What the environment says about telling people; every fault is one line that names the setting and quotes nothing."""

import pytest

from services.usage.notifications.settings import DeliverySettings, read_delivery_settings
from shared.environment import SettingWrong
from shared.values.ip_addresses import address

KEY, OLDER = "k" * 32, "o" * 40
NAMES = ("CHANNEL_SECRETS_KEY", "WEBHOOK_ALLOWED_NETWORKS", "WEBHOOK_ALLOW_HTTP", "SMTP_URL", "MAIL_FROM")


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> DeliverySettings:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"CHANNEL_SECRETS_KEY": KEY} | environment).items():
        monkeypatch.setenv(name, value)
    return read_delivery_settings()


def test_without_more_than_a_key_only_the_public_internet_is_reached_by_tls_and_no_mail_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(monkeypatch)
    assert (settings.secrets_keys, settings.mail, settings.outgoing.allow_http) == ((KEY,), None, False)
    loopback = address("127.0.0.1")
    assert loopback is not None
    assert not settings.outgoing.allows(loopback)
    assert KEY not in repr(settings)


def test_networks_http_mail_and_the_key_before_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        CHANNEL_SECRETS_KEY=f"{KEY}, {OLDER}",
        WEBHOOK_ALLOWED_NETWORKS="10.1.0.0/16, 127.0.0.1",
        WEBHOOK_ALLOW_HTTP="true",
        SMTP_URL="smtp://mail.example.org:25",
        MAIL_FROM="Grillo <grillo@example.org>",
    )
    assert settings.secrets_keys == (KEY, OLDER)
    allowed = [
        settings.outgoing.allows(one) for text in ("10.1.2.3", "127.0.0.1", "10.2.0.1") if (one := address(text))
    ]
    assert allowed == [True, True, False]
    assert settings.outgoing.allow_http
    assert settings.mail is not None
    assert (settings.mail.host, settings.mail.sender) == ("mail.example.org", "Grillo <grillo@example.org>")


def test_a_key_that_is_kept_elsewhere_needs_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    read(monkeypatch)
    monkeypatch.delenv("CHANNEL_SECRETS_KEY")
    assert read_delivery_settings(OLDER).secrets_keys == (OLDER,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANNEL_SECRETS_KEY", ""),
        ("CHANNEL_SECRETS_KEY", "short"),
        ("CHANNEL_SECRETS_KEY", f"{KEY},short"),
        ("WEBHOOK_ALLOWED_NETWORKS", "everywhere"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.1.2.3/8"),
        ("WEBHOOK_ALLOW_HTTP", "yes"),
        ("SMTP_URL", "https://p4ssword@mail.example.org"),
        ("MAIL_FROM", "Grillo"),
        ("MAIL_FROM", ""),
    ],
)
def test_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    mail = {"SMTP_URL": "smtp://mail.example.org", "MAIL_FROM": "grillo@example.org"}
    with pytest.raises(SettingWrong, match=rf"^{name} must") as wrong:
        read(monkeypatch, **mail | {name: value})
    assert not value or value not in str(wrong.value)
