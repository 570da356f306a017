"""docker-compose.yml is one that docker-compose takes, with the secrets that ops/make-secrets writes."""

import base64
import hashlib
import ipaddress
import json
import os
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
    _made_secrets(tmp_path)
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    told = subprocess.run(
        [program, "--profile", "watch", "config"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    assert "not set" not in told.stderr
    read: dict[str, Any] = yaml.safe_load(told.stdout)
    return read


@pytest.fixture
def composed(document: dict[str, Any]) -> dict[str, dict[str, object]]:
    services: dict[str, dict[str, object]] = document["services"]
    return services


@pytest.fixture
def told(composed: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    """What each of our services is told, by environment or by file."""
    return {name: _settings(service) for name, service in _running(composed).items()}


def test_no_container_s_environment_or_command_has_a_secret_and_none_is_told_another_s(
    composed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lines = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    public = {"INTERNAL_TOKENS", "KEYS_VERIFY_KEYS", "AUTH_VERIFY_KEYS", "SENSORS_VERIFY_KEYS"}
    secrets = {name: value for name, value in lines.items() if name not in public}
    assert len(secrets) > 20
    shown = json.dumps(composed)
    assert [name for name, value in secrets.items() if value in shown] == []
    for name, value in secrets.items():
        known_by = {service for service, entry in composed.items() if value in "".join(_files(entry).values())}
        needed_by = _who_needs(name)
        assert known_by == needed_by | ({"console"} if "keys" in needed_by else set()), name


def _who_needs(secret: str) -> set[str]:
    service = secret.partition("_")[0].lower()
    match secret.split("_", 1)[1]:
        case "DATABASE_PASSWORD":
            return {service, "postgres"}
        case "OWNER_PASSWORD":
            return {"migrate", "postgres"}
        case "REDIS_PASSWORD":
            return {service, "redis"}
        case "SECRETS_KEY":
            return {"usage"}
        case "PASSWORD":
            return {"postgres"}
        case _:
            return {service}


def test_other_users_of_the_host_read_no_secret_and_users_of_a_container_read_its_own(
    composed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    assert (tmp_path / "ops/secrets").stat().st_mode & 0o777 == 0o700
    for entry in composed.values():
        for path in (tmp_path / "ops/secrets" / name for name in _files(entry)):
            assert path.stat().st_mode & 0o777 == 0o644
            assert path.parent.stat().st_mode & 0o777 == 0o755


def test_a_password_that_is_changed_reaches_the_files_and_a_missing_one_is_named(tmp_path: Path) -> None:
    _made_secrets(tmp_path)
    environment, file = tmp_path / ".env", tmp_path / "ops/secrets/usage/SMTP_URL"
    assert file.read_text() == ""
    environment.write_text(environment.read_text() + "SMTP_URL=smtp://a:b@c\n# a note\n")
    subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
    assert file.read_text() == "smtp://a:b@c"
    environment.write_text("KEYS_DATABASE_PASSWORD=x\n")
    refused = subprocess.run([tmp_path / "ops/secret_files.py"], capture_output=True, text=True)
    assert (refused.returncode, refused.stderr.splitlines()) == (
        1,
        [".env: KEYS_RABBITMQ_PASSWORD is not set; give it a long random text of letters and digits."],
    )


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        *(("api.example.org", "DNS:api.example.org"), ("cafe", "DNS:cafe")),
        *(("192.0.2.7", "IP Address:192.0.2.7"), ("[::1]", "IP Address:0:0:0:0:0:0:0:1")),
    ],
)
def test_the_front_s_own_certificate_is_made_anew_for_the_host_that_is_set_later(
    tmp_path: Path, host: str, shown: str
) -> None:
    _made_secrets(tmp_path)
    certificate, environment = tmp_path / "ops/secrets/front/TLS_CERTIFICATE", tmp_path / ".env"
    environment.write_text(f"{environment.read_text()}GRILLO_PUBLIC_URL=https://{host}:8443\n")
    made = []
    for _ in range(2):
        subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
        made.append(certificate.read_text())
    assert made[0] == made[1], "once"
    show = ["openssl", "x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName"]
    names = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert shown in names


def test_a_certificate_that_was_given_is_kept_for_any_host(tmp_path: Path) -> None:
    _made_secrets(tmp_path)
    front, environment = tmp_path / "ops/secrets/front", tmp_path / ".env"
    given, key = front / "TLS_CERTIFICATE", front / "TLS_KEY"
    make = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=grillo.example"]
    subprocess.run([*make, "-out", given, "-keyout", key], check=True, capture_output=True)
    before = given.read_text(), key.read_text()
    environment.write_text(f"{environment.read_text()}GRILLO_PUBLIC_URL=https://api.example.org\n")
    subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
    assert (given.read_text(), key.read_text()) == before


def test_the_front_s_own_certificate_stays_until_another_is_given(tmp_path: Path) -> None:
    _made_secrets(tmp_path)
    certificate, environment = tmp_path / "ops/secrets/front/TLS_CERTIFICATE", tmp_path / ".env"
    made = certificate.read_text()
    subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
    assert certificate.read_text() == made
    (tmp_path / "theirs").write_text("theirs")
    given = f"TLS_CERTIFICATE_FILE={tmp_path / 'theirs'}\nTLS_KEY_FILE={tmp_path / 'theirs'}\n"
    environment.write_text(environment.read_text() + given)
    subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
    assert certificate.read_text() == "theirs"


@pytest.mark.parametrize(
    ("folder", "script"), [("postgres", "postgres/databases.sh"), ("redis", "redis/configuration.sh")]
)
def test_a_server_s_script_reads_the_passwords_from_the_files(
    composed: dict[str, dict[str, Any]], tmp_path: Path, folder: str, script: str
) -> None:
    psql = tmp_path / "bin/psql"
    psql.parent.mkdir()
    psql.write_text("#!/bin/sh\ncat > /dev/null; env\n")
    psql.chmod(0o755)
    files = tmp_path / "ops/secrets" / folder
    environment = {"PATH": f"{psql.parent}:{os.environ['PATH']}", "PASSWORDS_FOLDER": str(files)}
    assert composed[folder]["environment"]["PASSWORDS_FOLDER"] == "/run/secrets"
    done = subprocess.run(
        ["/bin/sh", ROOT / "ops" / script], env=environment, capture_output=True, text=True, check=True
    )
    assert [path.name for path in files.iterdir() if path.read_text() not in done.stdout] == []


def test_only_the_front_is_published_and_no_internal_door_is(composed: dict[str, dict[str, Any]]) -> None:
    published = {name: service["ports"] for name, service in composed.items() if "ports" in service}
    # Who watches does so from the host, or brings a front of his own.
    assert published.keys() == {"front", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_every_host_that_a_container_is_told_of_has_that_name_on_a_network_that_it_is_on(
    document: dict[str, Any],
) -> None:
    services: dict[str, dict[str, Any]] = document["services"]
    told = {name: _settings(entry) for name, entry in services.items() if "build" in entry}
    told |= {"prometheus": _targets(), "grafana": _data_sources()}
    unknown = {}
    for name, settings in told.items():
        hosts = {urlsplit(value).hostname or "" for value in settings.values() if "://" in value} - {"127.0.0.1"}
        assert hosts, name
        names = {alias for network in services[name]["networks"] for alias in _aliases(services, network)}
        if hosts - names:
            unknown[name] = hosts - names
    assert unknown == {}


def _targets() -> dict[str, str]:
    """Where Prometheus scrapes. Not: an Alertmanager, which an operator brings."""
    (job,) = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = [target for entry in job["static_configs"] for target in entry["targets"]]
    return {target: f"http://{target}" for target in targets}


def _data_sources() -> dict[str, str]:
    file = ROOT / "ops/grafana/provisioning/datasources/grillo.yml"
    return {source["name"]: source["url"] for source in yaml.safe_load(file.read_text())["datasources"]}


def _aliases(services: dict[str, dict[str, Any]], network: str) -> set[str]:
    """The names of that network's members, as Docker resolves them for who is on it."""
    members = {name: entry["networks"] for name, entry in services.items() if network in entry["networks"]}
    places = [on[network] or {} for on in members.values()]
    return {*members, *(alias for place in places for alias in place.get("aliases", ()))}


def test_each_service_has_a_database_and_a_spool_of_its_own(composed: dict[str, dict[str, object]]) -> None:
    ours = _running(composed)
    assert set(ours) == {"keys", "auth", "usage", "sensors"}
    for name, service in ours.items():
        assert service["command"] == ["run", name]
        assert _settings(service)["DATABASE_URL"].endswith(f"@postgres:5432/{name}")
        assert f"{name}-spool:" in json.dumps(service["volumes"])
        assert "healthcheck" in service


def test_the_console_is_a_process_of_its_own_with_what_keys_has_and_no_gate(
    composed: dict[str, dict[str, Any]],
) -> None:
    console, keys = composed["console"], composed["keys"]
    assert console["command"] == ["run", "keys", "--only", "console"]
    of_people = ("OIDC_", "OPERATOR_ORGANISATIONS")
    its_own = {name: value for name, value in console["environment"].items() if not name.startswith(of_people)}
    assert its_own == {name: value for name, value in keys["environment"].items() if name != "INTERNAL_ADDRESS"}
    mounted = {volume.split(":")[1] for volume in keys["volumes"] if "spool" not in volume}
    assert {volume.split(":")[1] for volume in console["volumes"]} == mounted
    assert console["depends_on"] == keys["depends_on"]


def test_what_an_issuer_knows_the_console_by_is_the_console_s_alone(
    composed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    environment = tmp_path / ".env"
    environment.write_text(environment.read_text() + "OIDC_CLIENT_SECRET=hunter2\n")
    subprocess.run([tmp_path / "ops/secret_files.py"], check=True)
    told = {name for name, entry in composed.items() if "hunter2" in _files(entry).values()}
    assert told == {"console"}


def test_owners_migrate_once_before_the_rest_and_nobody_else_has_their_passwords(
    composed: dict[str, dict[str, Any]],
) -> None:
    migrate, passwords = composed["migrate"], _files(composed["postgres"])
    assert (migrate["command"], migrate["restart"]) == (["migrate"], "no")
    for name, service in _running(composed).items():
        assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        url = _settings(migrate)[f"{name.upper()}_OWNER_DATABASE_URL"]
        password = passwords[f"postgres/{name.upper()}_OWNER_PASSWORD"]
        assert url == f"postgresql+psycopg://{name}_owner:{password}@postgres:5432/{name}"
        assert "_owner" not in json.dumps(_settings(service)).lower()


def test_each_service_has_an_account_of_its_own_on_rabbitmq_which_is_given_its_password_s_hash(
    composed: dict[str, dict[str, Any]], told: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    written = tmp_path / "ops/secrets/rabbitmq/definitions.json"
    hashes = {user["name"]: user["password_hash"] for user in json.loads(written.read_text())["users"]}
    uris = {name: urlsplit(settings["AMQP_URI"]) for name, settings in told.items()}
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
    shutil.copy(ROOT / ".env.example", tmp_path)
    folder = tmp_path / "ops/rabbitmq"
    (folder / "rpc-accounts.json").write_text('{"back-office": {"methods": ["keys.get_key", "usage.summary"]}}')
    for _ in range(2):  # again: the same passwords
        subprocess.run([tmp_path / "ops/make-secrets"], check=not (tmp_path / ".env").exists(), capture_output=True)
        subprocess.run([sys.executable, folder / "definitions.py"], check=True)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert sum(line.startswith("BACK_OFFICE_RABBITMQ_PASSWORD=") for line in lines) == 1
    definitions = json.loads((tmp_path / "ops/secrets/rabbitmq/definitions.json").read_text())
    (topic,) = (
        topic["write"]
        for topic in definitions["topic_permissions"]
        if (topic["user"], topic["exchange"]) == ("back-office", "nameko-rpc")
    )
    assert topic == r"^(keys\.get_key|usage\.summary)$"


def test_all_gates_count_in_one_redis_each_with_an_account_whose_password_no_argument_shows(
    composed: dict[str, dict[str, Any]], told: dict[str, dict[str, str]]
) -> None:
    redis = composed["redis"]
    shown, passwords = json.dumps([redis["command"], redis["healthcheck"]]), _files(redis)
    for name, settings in told.items():
        password = passwords[f"redis/{name.upper()}_REDIS_PASSWORD"]
        assert settings["REDIS_URL"] == f"redis://{name}:{password}@redis:6379/0"
        assert password not in shown
    assert "configuration.sh" in shown


def test_each_service_has_a_token_of_its_own_and_knows_of_others_the_digest(told: dict[str, dict[str, str]]) -> None:
    tokens = {name: settings["INTERNAL_TOKEN"] for name, settings in told.items()}
    assert len(set(tokens.values())) == len(told)
    (known,) = {settings["INTERNAL_TOKENS"] for settings in told.values()}
    digests = dict(part.split(":") for part in known.split(","))
    assert set(digests) == {*told, "prometheus"}
    assert {name: digests[name] for name in told} == {name: digest_of_token(token) for name, token in tokens.items()}


def test_only_the_front_is_believed_and_no_other_container_can_be_given_its_address(document: dict[str, Any]) -> None:
    own = document["services"]["front"]["networks"]["doors"]["ipv4_address"]
    assert {document["services"][name]["environment"]["TRUSTED_PROXIES"] for name in ("keys", "sensors")} == {f"{own},"}
    (pool,) = document["networks"]["doors"]["ipam"]["config"]
    assert ipaddress.ip_address(own) in ipaddress.ip_network(pool["subnet"])
    assert ipaddress.ip_address(own) not in ipaddress.ip_network(pool.get("ip_range", pool["subnet"]))


def test_keys_auth_and_sensors_sign_and_all_verify_by_the_keys_that_were_made(told: dict[str, dict[str, str]]) -> None:
    for signing in ("KEYS_SIGNING_KEY", "AUTH_SIGNING_KEY", "SENSORS_SIGNING_KEY"):
        assert [name for name, settings in told.items() if signing in settings] == [signing.partition("_")[0].lower()]
    for settings in told.values():
        proof = read_proof_keys(settings)
        assert (proof.not_verified(), proof.sensors_verifier is None) == ((), False)


def test_secrets_are_never_replaced(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    shutil.copy(ROOT / ".env.example", tmp_path)
    make = [tmp_path / "ops/make-secrets"]
    subprocess.run(make, check=True, capture_output=True)
    before = (tmp_path / ".env").read_text()
    assert subprocess.run(make, capture_output=True).returncode != 0
    assert (tmp_path / ".env").read_text() == before
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def _made_secrets(folder: Path) -> None:
    """What an installation has once `ops/make-secrets` was run."""
    shutil.copytree(ROOT / "ops", folder / "ops")
    shutil.copy(ROOT / ".env.example", folder)
    subprocess.run([folder / "ops/make-secrets"], check=True, capture_output=True)


def _files(service: dict[str, Any]) -> dict[str, str]:
    """CONTAINER/NAME → text, of what is mounted as its secrets."""
    mounts = [volume.split(":") for volume in service.get("volumes", ())]
    folders = [Path(source) for source, target, *_ in mounts if target == "/run/secrets"]
    return {f"{folder.name}/{file.name}": file.read_text() for folder in folders for file in folder.iterdir()}


def _settings(service: dict[str, Any]) -> dict[str, str]:
    """Its environment, with what is in files in its place."""
    texts = {name.partition("/")[2]: text for name, text in _files(service).items()}
    settings = dict[str, str](service["environment"])
    for name in [name for name in settings if name.endswith("_FILE")]:
        settings[name.removesuffix("_FILE")] = texts[settings.pop(name).removeprefix("/run/secrets/")]
    return settings


def _running(composed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The services of our own image that keep running, each in a container of its own."""
    ours = {name: service for name, service in composed.items() if "build" in service}
    return {name: service for name, service in ours.items() if service["command"] == ["run", name]}
