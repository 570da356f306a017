"""A wrong setting ends in one line that names it, and never shows what may be secret."""

import hashlib
from pathlib import Path

import pytest

from shared.environment import SettingWrong
from shared.messaging.accounts.rules import Accounts, RpcAccount
from shared.replication.proof.signatures import Signer, new_private_key
from shared.settings import cors_origins, read_settings

RIGHT = {
    "DATABASE_URL": "postgresql+psycopg://keys:hunter2@postgres/keys",
    "AMQP_URI": "amqp://grillo:hunter2@rabbitmq:5672/grillo",
    "INTERNAL_TOKEN": "hunter2",
}
NAMES = (
    "INTERNAL_TOKENS",
    "GATES_MAX",
    "AMQP_ACCOUNTS",
    "RPC_ACCOUNTS",
    "REDIS_URL",
    "TRUSTED_PROXIES",
    "GUESSES_PER_MINUTE",
    "GATE_LEASE_SECONDS",
    "DRAIN_SECONDS",
    "WEB_PORT",
    "WEB_WORKERS",
    "INTERNAL_PORT",
    "KEYS_SIGNING_KEY",
    "KEYS_VERIFY_KEYS",
    "AUTH_SIGNING_KEY",
    "AUTH_VERIFY_KEYS",
    "SENSORS_SIGNING_KEY",
    "SENSORS_VERIFY_KEYS",
    "SENSORS_INTERNAL_URL",
    "AUDIT_HEADS",
    *RIGHT,
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)


def test_what_is_not_said_has_a_default_and_secrets_stay_out_of_the_repr() -> None:
    settings = read_settings()
    assert settings.lease_seconds == 10
    assert settings.web_port == 8000
    assert settings.redis_url is None
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["redis://keys:hunter2@redis:6379/0", "rediss://grillo:hunter2@redis", "redis://127.0.0.1:7"]
)
def test_where_gates_count_together_may_be_said_and_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    settings = read_settings()
    assert settings.redis_url == url
    assert url not in repr(settings)


@pytest.mark.parametrize("url", ["redis", "http://redis:6379", "redis://hunter2@a@b:x"])
def test_where_gates_count_together_must_be_a_redis(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(SettingWrong, match=r"^REDIS_URL must be ") as wrong:
        read_settings()
    assert "hunter2" not in str(wrong.value)


def test_accounts_are_demanded_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read_settings().accounts == Accounts()
    monkeypatch.setenv("AMQP_ACCOUNTS", "demanded")
    listed = tmp_path / "rpc-accounts.json"
    listed.write_text('{"billing": {"methods": ["keys.get_key"]}}')
    monkeypatch.setenv("RPC_ACCOUNTS", str(listed))
    accounts = read_settings().accounts
    assert accounts.demanded
    assert accounts.others == {"billing": RpcAccount(methods=frozenset({"keys.get_key"}))}
    listed.write_text('{"keys": {"methods": []}}')
    with pytest.raises(SettingWrong, match=r"^RPC_ACCOUNTS names a file that cannot be used: account 'keys'"):
        read_settings()
    monkeypatch.setenv("RPC_ACCOUNTS", str(tmp_path / "absent"))
    with pytest.raises(SettingWrong, match=r"^RPC_ACCOUNTS names a file that cannot be used: "):
        read_settings()
    monkeypatch.setenv("AMQP_ACCOUNTS", "yes")
    with pytest.raises(SettingWrong, match=r"^AMQP_ACCOUNTS must be demanded, or not set"):
        read_settings()


@pytest.mark.parametrize("token", ["hunter2\n", " hunter2", "hun\tter2", "hünter2"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERNAL_TOKEN", token)
    with pytest.raises(SettingWrong, match=r"^INTERNAL_TOKEN must be ") as wrong:
        read_settings()
    assert token.strip() not in str(wrong.value)


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_must_be_said_is_asked_for_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingWrong, match=f"^{name} is not set; set it to "):
        read_settings()


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_a_secret_may_be_in_a_file_whose_last_line_break_is_not_its_own(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stated_by_itself, secret = read_settings(), tmp_path / "secret"
    secret.write_text(RIGHT[name] + "\n")
    monkeypatch.setenv(name, "")  # as docker-compose states what is not set
    monkeypatch.setenv(f"{name}_FILE", str(secret))
    by_file = read_settings()
    assert (by_file.database_url, by_file.amqp_uri, by_file.internal_tokens) == (
        stated_by_itself.database_url,
        stated_by_itself.amqp_uri,
        stated_by_itself.internal_tokens,
    )
    monkeypatch.setenv(name, RIGHT[name])
    with pytest.raises(SettingWrong, match=rf"^{name} and {name}_FILE are both set; keep one of them\.$"):
        read_settings()


def test_a_file_that_cannot_be_read_or_is_empty_is_named_by_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INTERNAL_TOKEN", "")
    binary, empty = tmp_path / "binary", tmp_path / "empty"
    binary.write_bytes(b"\xff\xfe")
    empty.write_text("\n")
    for path in (tmp_path / "hunter2", tmp_path, binary):
        monkeypatch.setenv("INTERNAL_TOKEN_FILE", str(path))
        with pytest.raises(SettingWrong, match=r"^INTERNAL_TOKEN_FILE must name a file [^\n]+$") as wrong:
            read_settings()
        assert "hunter2" not in str(wrong.value)
    monkeypatch.setenv("INTERNAL_TOKEN_FILE", str(empty))
    with pytest.raises(SettingWrong, match=r"^INTERNAL_TOKEN is not set; set it to "):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATE_LEASE_SECONDS", "0.5"),
        ("GATE_LEASE_SECONDS", "301"),
        ("GATE_LEASE_SECONDS", "nan"),
        ("WEB_PORT", "70000"),
        ("WEB_WORKERS", "many"),
        ("GUESSES_PER_MINUTE", "0"),
        ("GATES_MAX", "0"),
        ("GATES_MAX", "10001"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_its_bounds(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingWrong, match=f"^{name} .*must be .* from 1 to "):
        read_settings()


@pytest.mark.parametrize("seconds", ["-1", "5.5", "nan", "long"])
def test_a_door_drains_for_some_seconds_or_not_at_all(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().drain_seconds == 0
    monkeypatch.setenv("DRAIN_SECONDS", "2.5")
    assert read_settings().drain_seconds == 2.5
    monkeypatch.setenv("DRAIN_SECONDS", seconds)
    with pytest.raises(SettingWrong, match=r"^DRAIN_SECONDS must be a number of seconds from 0 to 5\.$"):
        read_settings()


def test_only_networks_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().trusted_proxies == ()
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, ::ffff:192.0.2.7")
    assert [str(network) for network in read_settings().trusted_proxies] == ["10.0.0.0/8", "192.0.2.7/32"]
    monkeypatch.setenv("TRUSTED_PROXIES", "front")
    with pytest.raises(SettingWrong, match="TRUSTED_PROXIES must be"):
        read_settings()


OWN, OTHER = (hashlib.sha256(token).hexdigest() for token in (b"hunter2", b"hunter3"))


def test_where_no_account_has_a_token_of_its_own_the_one_there_is_opens_everything() -> None:
    assert read_settings().internal_tokens == (("shared", OWN),)


def test_each_account_has_tokens_of_its_own_two_while_one_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERNAL_TOKENS", f"keys:{OWN}, keys:{OTHER},\nprometheus:{'0' * 64}")
    settings = read_settings()
    assert settings.internal_tokens == (("keys", OWN), ("keys", OTHER), ("prometheus", "0" * 64))
    assert OWN not in repr(settings)


@pytest.mark.parametrize(
    "tokens",
    [
        "keys:hunter2",
        f"keys:{OWN[:-1]}",
        f"keys:{OWN.upper()}",
        f"nobody:{OWN}",
        OWN,
        f"keys:{OWN},sensors:{OWN}",
        f"keys:{OTHER}",
        f"prometheus:{OWN}",
    ],
)
def test_tokens_that_are_no_account_s_or_of_two_or_lack_one_s_own_are_refused_and_not_shown(
    tokens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERNAL_TOKENS", tokens)
    with pytest.raises(SettingWrong, match=r"^INTERNAL_TOKENS [^\n]+$") as wrong:
        read_settings()
    assert not any(secret in str(wrong.value) for secret in (OWN, OTHER, "hunter"))


def test_who_signs_and_who_is_believed_may_be_said_and_what_is_not_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().proof_keys.not_verified() == ("KEYS_VERIFY_KEYS", "AUTH_VERIFY_KEYS")
    private_key, other = new_private_key(), Signer(new_private_key()).public_key
    monkeypatch.setenv("KEYS_SIGNING_KEY", private_key)
    monkeypatch.setenv("KEYS_VERIFY_KEYS", f"{other}, {Signer(private_key).public_key}")
    settings = read_settings()
    assert settings.proof_keys.not_verified() == ("AUTH_VERIFY_KEYS",)
    assert private_key not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KEYS_SIGNING_KEY", "hunter2", "must be 32 bytes"),
        ("AUTH_SIGNING_KEY", "hunter2", "must be 32 bytes"),
        ("KEYS_VERIFY_KEYS", "hunter2", "must be one or two"),
        ("AUTH_VERIFY_KEYS", ",".join(Signer(new_private_key()).public_key for _ in range(3)), "must be one or two"),
    ],
    ids=["keys' private", "auth's private", "keys' public", "three public"],
)
def test_what_is_no_key_is_named_and_not_shown(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingWrong, match=f"^{name} {told}") as wrong:
        read_settings()
    assert value not in str(wrong.value)


def test_who_signs_must_be_among_those_who_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS_SIGNING_KEY", new_private_key())
    monkeypatch.setenv("KEYS_VERIFY_KEYS", Signer(new_private_key()).public_key)
    with pytest.raises(SettingWrong, match=r"^KEYS_VERIFY_KEYS lacks the public key of KEYS_SIGNING_KEY"):
        read_settings()


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("none", ()),
        ("*", ("*",)),
        ("https://a.example, https://b.example:8443", ("https://a.example", "https://b.example:8443")),
    ],
)
def test_which_pages_may_read_is_said_or_left_to_the_default(
    text: str | None, origins: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-compose.yml and shells pass on an empty variable where none was meant."""
    monkeypatch.delenv("CORS_ORIGINS", raising=False)
    if text is not None:
        monkeypatch.setenv("CORS_ORIGINS", text)
    assert cors_origins() == origins


@pytest.mark.parametrize("text", ["none, https://a.example", "nobody", "a.example"])
def test_origins_that_contradict_themselves_or_are_none_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)
    with pytest.raises(SettingWrong, match=r"CORS_ORIGINS must be \*, none or origins"):
        cors_origins()
