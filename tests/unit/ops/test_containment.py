"""What docker-compose.yml lets a container do: as little as it needs, and nothing that nobody wrote down."""

import re
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli import _known_fault

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STORES = {"postgres", "rabbitmq", "redis"}
OURS = {"keys", "console", "auth", "usage", "sensors"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_writes_where_it_must_holds_no_capability_and_takes_a_bounded_share(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "root, or a name that only the image can read"
    assert service["pids_limit"] <= 1024
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"}
    assert all(re.search(r"[:,]size=\d+m\b", folder) for folder in service.get("tmpfs", ()))
    for source, target, *options in (volume.split(":") for volume in service.get("volumes", ())):
        assert "docker.sock" not in source
        assert source in COMPOSE["volumes"] or options == ["ro"], target


def test_what_the_broker_keeps_in_memory_of_its_write_ahead_log_fits_in_its_container() -> None:
    """Three times its length at most, as RabbitMQ says of quorum queues, beside 150 MiB for all else."""
    lines = (ROOT / "ops/rabbitmq/rabbitmq.conf").read_text().splitlines()
    settings = dict(line.split(" = ") for line in lines if not line.startswith("#"))
    container = int(SERVICES["rabbitmq"]["mem_limit"].removesuffix("m")) * 2**20
    assert 3 * int(settings["raft.wal_max_size_bytes"]) + 150 * 2**20 < container


def test_images_are_named_by_their_exact_release_and_run_by_number() -> None:
    named = {service["image"] for service in SERVICES.values() if "build" not in service}
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", (ROOT / "Dockerfile").read_text(), re.M)
    built = {name for name, _ in stages} - {stage for _, stage in stages}
    exact = re.compile(r":v?\d+(\.\d+){1,2}(-[a-z-]+)?(@sha256:[0-9a-f]{64})?$")  # the digest: by `make digests`
    loose = [image for image in named | built if not exact.search(image)]
    assert loose == []
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in named - {SERVICES["postgres"]["image"]} | built)
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= {s for _, s in stages}
    users = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert users[-1] == users[0] == SERVICES["keys"]["user"]


def test_each_container_reaches_those_that_it_needs_and_no_other() -> None:
    services = OURS - {"console"}
    expected = {frozenset(("front", name)) for name in OURS}
    expected |= {frozenset(pair) for pair in combinations(OURS, 2)}
    expected |= {frozenset((store, name)) for store in STORES for name in OURS | {"migrate"}}
    expected |= {frozenset(pair) for pair in combinations((*STORES, "migrate"), 2)}
    expected |= {frozenset(("migrate", name)) for name in OURS}  # which have no door on that network but their webs
    expected |= {frozenset(("prometheus", name)) for name in OURS}  # of console its web: it has no internal door
    expected |= {frozenset(("prometheus", "grafana"))}
    shared = {frozenset(pair) for pair in combinations(SERVICES, 2) if _networks(pair[0]) & _networks(pair[1])}
    assert shared == expected
    # Their internal doors listen on one network alone, to which the front does not belong.
    inside = {name: SERVICES[name]["networks"]["inside"] for name in services}
    for name, place in inside.items():
        assert place["aliases"] == [f"{name}.inside"]
        assert SERVICES[name]["environment"]["INTERNAL_ADDRESS"] == place["ipv4_address"]
    assert len({place["ipv4_address"] for place in inside.values()}) == len(services)
    on_inside = {name for name in SERVICES if "inside" in _networks(name)}
    assert on_inside == services | {"console", "prometheus"}, "who asks internal doors"


def test_sensors_alone_has_what_reads_recordings_and_its_want_is_told_in_a_line() -> None:
    assert {name: service["build"]["target"] for name, service in SERVICES.items() if "build" in service} == {
        **dict.fromkeys(("migrate", *OURS), "grillo"),
        "sensors": "sensors",
    }
    told = _known_fault(ModuleNotFoundError("obspy", name="obspy"))
    assert told is not None
    assert "grillo[sensors]" in told


def test_who_calls_nobody_outside_has_no_way_there() -> None:
    leads_out = {name for name, network in COMPOSE["networks"].items() if not (network or {}).get("internal")}
    assert {name for name in SERVICES if _networks(name) & leads_out} == {
        *("keys", "console", "usage", "sensors"),  # AUDIT_HEADS, an issuer, webhooks and mail
        *("front", "prometheus", "grafana"),  # published on the host
    }


def test_no_secret_can_be_in_what_an_image_is_built_of() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert taken == {"ops/pins", "pyproject.toml", "README.md", "setup.py", "services", "shared"}


def test_images_install_nothing_but_files_of_a_known_hash_at_the_versions_that_are_tested() -> None:
    pins: dict[str, set[str]] = {}
    versions = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.M)
    tested = {_normal(name): version for name, version in versions}
    for name in ("grillo", "sensors", "build"):
        blocks = re.split(r"\n(?! )", (ROOT / f"ops/pins/{name}.txt").read_text().strip())
        found = dict(_pin(block) for block in blocks)
        assert len(found) == len(blocks) > 0
        assert {package: version for package, version in found.items() if tested.get(package) != version} == {}
        pins[name] = set(found)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {_name(one) for one in project["dependencies"]} <= pins["grillo"]
    assert {_name(one) for one in project["optional-dependencies"]["sensors"]} <= pins["sensors"]
    installs = re.findall(r"pip install ([^\n&]*)", (ROOT / "Dockerfile").read_text())
    assert [one for one in installs if not re.search(r"--require-hashes|--no-deps", one)] == []
    assert len(installs) == 4


def _pin(block: str) -> tuple[str, str]:
    """The package and its version, of which at least one file is named by its hash."""
    found = re.fullmatch(r"([\w.-]+)==(\S+)( \\\n    --hash=sha256:[0-9a-f]{64})+", block)
    assert found, block
    return _normal(found[1]), found[2]


def _name(requirement: str) -> str:
    return _normal(re.split(r"[^\w.-]", requirement)[0])


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _networks(name: str) -> set[str]:
    return set(SERVICES[name]["networks"])
