"""docker-compose.yml is one that docker-compose takes, with the secrets that ops/make-secrets writes."""

import base64
import hashlib
import ipaddress
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from shared.replication.proof.proof_keys import read_proof_keys
from shared.web.requests.internal_callers import digest_of_token
from tests.servers import ServerMissing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """The file, as docker-compose itself understands it."""
    program = shutil.which("docker-compose")
    if program is None:
        raise ServerMissing("docker-compose: apt-get install docker-compose")
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    subprocess.run([tmp_path / "ops/make-secrets"], check=True, capture_output=True)
    told = subprocess.run([program, "config"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert "not set" not in told.stderr
    read: dict[str, Any] = yaml.safe_load(told.stdout)
    return read


@pytest.fixture
def composed(document: dict[str, Any]) -> dict[str, dict[str, object]]:
    services: dict[str, dict[str, object]] = document["services"]
    return services


def test_only_the_front_is_published_and_no_internal_door_is(composed: dict[str, dict[str, object]]) -> None:
    assert [name for name, service in composed.items() if "ports" in service] == ["front"]


def test_each_service_has_a_database_and_a_spool_of_its_own(composed: dict[str, dict[str, object]]) -> None:
    ours = _running(composed)
    assert set(ours) == {"keys", "auth", "usage", "sensors"}
    for name, service in ours.items():
        assert service["command"] == ["run", name]
        assert f"@postgres:5432/{name}" in json.dumps(service["environment"])
        assert f"{name}-spool:" in json.dumps(service["volumes"])
        assert "healthcheck" in service


def test_the_console_is_a_process_of_its_own_with_what_keys_has_and_no_gate(
    composed: dict[str, dict[str, Any]],
) -> None:
    console, keys = composed["console"], composed["keys"]
    assert console["command"] == ["run", "keys", "--only", "console"]
    assert set(keys["environment"].items()) - set(console["environment"].items()) == {
        ("REDIS_URL", keys["environment"]["REDIS_URL"])
    }
    assert set(console["environment"].items()) <= set(keys["environment"].items())
    assert console["depends_on"] == keys["depends_on"]


def test_owners_migrate_once_before_the_rest_and_nobody_else_has_their_passwords(
    composed: dict[str, dict[str, Any]],
) -> None:
    migrate = composed["migrate"]
    assert (migrate["command"], migrate["restart"]) == (["migrate"], "no")
    for name, service in _running(composed).items():
        assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        url = migrate["environment"][f"{name.upper()}_OWNER_DATABASE_URL"]
        password = composed["postgres"]["environment"][f"{name.upper()}_OWNER_PASSWORD"]
        assert url == f"postgresql+psycopg://{name}_owner:{password}@postgres:5432/{name}"
        assert "_owner" not in json.dumps(service["environment"]).lower()


def test_each_service_has_an_account_of_its_own_on_rabbitmq_which_is_given_its_password_s_hash(
    composed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    written = tmp_path / "ops/rabbitmq/definitions.json"
    assert written.stat().st_mode & 0o777 == 0o600
    hashes = {user["name"]: user["password_hash"] for user in json.loads(written.read_text())["users"]}
    uris = {name: urlsplit(composed[name]["environment"]["AMQP_URI"]) for name in ("keys", "auth", "usage", "sensors")}
    assert set(hashes) == set(uris)
    for name, uri in uris.items():
        stored = base64.b64decode(hashes[name])
        assert uri.username == name
        assert stored[4:] == hashlib.sha256(stored[:4] + (uri.password or "").encode()).digest()
        assert composed[name]["environment"]["AMQP_ACCOUNTS"] == "demanded"
    assert len({uri.password for uri in uris.values()}) == len(uris)
    assert "environment" not in composed["rabbitmq"]


def test_another_back_end_s_account_gets_a_password_and_the_rights_that_it_lists(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    folder = tmp_path / "ops/rabbitmq"
    (folder / "rpc-accounts.json").write_text('{"back-office": {"methods": ["keys.get_key", "usage.summary"]}}')
    for _ in range(2):  # again: the same passwords
        subprocess.run([tmp_path / "ops/make-secrets"], check=not (tmp_path / ".env").exists(), capture_output=True)
        subprocess.run([sys.executable, folder / "definitions.py"], check=True)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert sum(line.startswith("BACK_OFFICE_RABBITMQ_PASSWORD=") for line in lines) == 1
    definitions = json.loads((folder / "definitions.json").read_text())
    (topic,) = (
        topic["write"]
        for topic in definitions["topic_permissions"]
        if (topic["user"], topic["exchange"]) == ("back-office", "nameko-rpc")
    )
    assert topic == r"^(keys\.get_key|usage\.summary)$"


def test_all_gates_count_in_one_redis_each_with_an_account_whose_password_no_argument_shows(
    composed: dict[str, dict[str, Any]],
) -> None:
    redis = composed["redis"]
    shown = json.dumps([redis["command"], redis["healthcheck"]])
    for name, service in _running(composed).items():
        password = redis["environment"][f"{name.upper()}_REDIS_PASSWORD"]
        assert service["environment"]["REDIS_URL"] == f"redis://{name}:{password}@redis:6379/0"
        assert password not in shown
    assert "configuration.sh" in shown


def test_each_service_has_a_token_of_its_own_and_knows_of_others_the_digest(
    composed: dict[str, dict[str, Any]],
) -> None:
    ours = {name: service["environment"] for name, service in _running(composed).items()}
    tokens = {name: environment["INTERNAL_TOKEN"] for name, environment in ours.items()}
    assert len(set(tokens.values())) == len(ours)
    (known,) = {environment["INTERNAL_TOKENS"] for environment in ours.values()}
    digests = dict(part.split(":") for part in known.split(","))
    assert set(digests) == {*ours, "prometheus"}
    assert {name: digests[name] for name in ours} == {name: digest_of_token(token) for name, token in tokens.items()}
    for name, token in tokens.items():
        known_to = [other for other, service in composed.items() if token in json.dumps(service)]
        assert known_to == (["console", name] if name == "keys" else [name])


def test_only_the_front_is_believed_and_no_other_container_can_be_given_its_address(document: dict[str, Any]) -> None:
    own = document["services"]["front"]["networks"]["default"]["ipv4_address"]
    assert {document["services"][name]["environment"]["TRUSTED_PROXIES"] for name in ("keys", "sensors")} == {own}
    (pool,) = document["networks"]["default"]["ipam"]["config"]
    assert ipaddress.ip_address(own) in ipaddress.ip_network(pool["subnet"])
    assert ipaddress.ip_address(own) not in ipaddress.ip_network(pool.get("ip_range", pool["subnet"]))


def test_keys_and_auth_sign_and_all_verify_by_the_keys_that_were_made(composed: dict[str, dict[str, Any]]) -> None:
    ours = {name: service["environment"] for name, service in _running(composed).items()}
    for signing in ("KEYS_SIGNING_KEY", "AUTH_SIGNING_KEY"):
        assert [name for name, environment in ours.items() if signing in environment] == [signing[:4].lower()]
    for environment in ours.values():
        assert read_proof_keys(environment).not_verified() == ()


def test_secrets_are_never_replaced(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    make = [tmp_path / "ops/make-secrets"]
    subprocess.run(make, check=True, capture_output=True)
    before = (tmp_path / ".env").read_text()
    assert subprocess.run(make, capture_output=True).returncode != 0
    assert (tmp_path / ".env").read_text() == before
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def _running(composed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The services of our own image that keep running, each in a container of its own."""
    ours = {name: service for name, service in composed.items() if service.get("image") == "grillo"}
    return {name: service for name, service in ours.items() if service["command"] == ["run", name]}
