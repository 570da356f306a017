"""`.env`: every setting can be reached from .env.example, and a wrong line is named before docker-compose reads it."""

import re
from pathlib import Path

import pytest
import yaml

from ops.secret_files import USERS, EnvironmentFileWrong, checked, read, secrets, write

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / ".env.example").read_text()
LISTED = re.findall(r"^# ([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SECRETS = secrets()
# What a container's own file system, its networks and its files of secrets settle.
SETTLED = {"SPOOL_DIR", "SAMPLES_DIR", "EXPORTS_DIR", "WEB_ADDRESS", "WEB_PORT", "INTERNAL_PORT"}


def test_each_setting_that_docker_compose_takes_is_listed_and_each_that_is_listed_it_takes() -> None:
    taken = set(re.findall(r"\$\{(\w+)", COMPOSE))
    assert taken | SECRETS | USERS.keys() == {name.removesuffix("_FILE") for name in LISTED}
    assert len(LISTED) == len(set(LISTED))


def test_each_setting_that_operations_tells_reaches_its_container() -> None:
    table = (ROOT / "docs/operations.md").read_text().partition("| setting |")[2].partition("\n\n")[0]
    documented = {name for row in table.splitlines() for name in re.findall(r"`([A-Z][A-Z_]+)`", row.split("|")[1])}
    assert len(documented) > 30
    services = yaml.safe_load(COMPOSE)["services"].values()
    stated = {name.removesuffix("_FILE") for service in services for name in service.get("environment", {})}
    assert documented - SETTLED - stated == set()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("GATE_LEASE_SECOND=5", "line 1: GATE_LEASE_SECOND is not a setting; GATE_LEASE_SECONDS is"),
        ("\n# a note\nWHAT=hunter2", "line 3: WHAT is not a setting"),
        ("MAIL_FROM", "line 1 is not NAME=value"),
        ("export MAIL_FROM=a", "line 1 is not NAME=value"),
        ("MAIL_FROM=a\nMAIL_FROM=b", "line 2 sets MAIL_FROM a second time"),
        ('MAIL_FROM="hunter2"', "line 1: MAIL_FROM must have no quotes and no spaces around it"),
        ("MAIL_FROM=a ", "line 1: MAIL_FROM must have no quotes and no spaces around it"),
        ("SMTP_URL_FILE=/there/is/none", "SMTP_URL_FILE must name a file with text that you may read"),
        ("SMTP_URL=hunter2\nSMTP_URL_FILE=/etc/hostname", "SMTP_URL and SMTP_URL_FILE are both set; keep one of them"),
    ],
)
def test_a_wrong_line_is_named_and_its_value_not_shown(text: str, told: str) -> None:
    with pytest.raises(EnvironmentFileWrong) as wrong:
        checked(text, {"GATE_LEASE_SECONDS", "MAIL_FROM", "SMTP_URL", "SMTP_URL_FILE"})
    assert str(wrong.value) == told


def test_what_docker_compose_and_other_back_ends_have_there_is_left_alone() -> None:
    assert checked("COMPOSE_PROJECT_NAME=grillo\nBACK_OFFICE_RABBITMQ_PASSWORD=x", ()) == {
        "COMPOSE_PROJECT_NAME": "grillo",
        "BACK_OFFICE_RABBITMQ_PASSWORD": "x",
    }


def test_a_secret_and_nothing_else_may_be_in_a_file_of_the_operator_s(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    for name in ("SMTP_URL", "POSTGRES_PASSWORD", "KEYS_RABBITMQ_PASSWORD"):
        (tmp_path / name).write_text("smtp://a@b\n")
        (tmp_path / ".env").write_text(f"{name}_FILE={tmp_path / name}\n")
        assert read(tmp_path)[name] == "smtp://a@b"
    (tmp_path / ".env").write_text(f"GATE_LEASE_SECONDS_FILE={tmp_path / 'SMTP_URL'}\n")
    with pytest.raises(EnvironmentFileWrong, match=r"GATE_LEASE_SECONDS_FILE is not a setting"):
        read(tmp_path)


def _all() -> dict[str, str]:
    return dict.fromkeys(SECRETS - {"TLS_CERTIFICATE", "TLS_KEY"}, "x")


def test_a_password_that_a_url_cannot_hold_and_half_a_certificate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileWrong, match=r"^KEYS_DATABASE_PASSWORD must be of letters and digits$"):
        write(_all() | {"KEYS_DATABASE_PASSWORD": "hunter2@x"}, tmp_path)
    with pytest.raises(EnvironmentFileWrong, match=r"^TLS_KEY is not set; give it a file in PEM"):
        write(_all() | {"TLS_CERTIFICATE": "x"}, tmp_path)


def test_a_service_s_role_on_postgresql_is_its_own_or_another_while_its_password_is_replaced(tmp_path: Path) -> None:
    settings = _all() | {"TLS_CERTIFICATE": "x", "TLS_KEY": "x", "KEYS_DATABASE_USER": "keys_b"}
    write(settings, tmp_path)
    urls = {name: (tmp_path / name / "DATABASE_URL").read_text() for name in ("keys", "console", "auth")}
    assert urls == {
        **dict.fromkeys(("keys", "console"), "postgresql+psycopg://keys_b:x@postgres:5432/keys"),
        "auth": "postgresql+psycopg://auth:x@postgres:5432/auth",
    }
    with pytest.raises(EnvironmentFileWrong, match=r"^KEYS_DATABASE_USER must be of letters and digits$"):
        write(settings | {"KEYS_DATABASE_USER": "keys:b"}, tmp_path)


OF_A_SERVICE = {  # as the page names those of which each service has one
    "DATABASE_PASSWORD": "the password of `DATABASE_URL`",
    "OWNER_PASSWORD": "an owner's password",
    "REDIS_PASSWORD": "passwords in Redis",
    "RABBITMQ_PASSWORD": "a password on RabbitMQ",
    "INTERNAL_TOKEN": "a token of an internal door",
    "SIGNING_KEY": "a signing key of keys, auth or sensors",
}


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_operations_says_how_each_secret_is_replaced(secret: str) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    section = page.partition("\n## Replacing credentials\n")[2].partition("\n## ")[0]
    told = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    name = OF_A_SERVICE.get(secret.partition("_")[2], f"`{secret}`")
    assert any(name in what for what in told)
