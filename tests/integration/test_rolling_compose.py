"""ops/compose/rolling.yml: a second container of each service, which is its first but for its name and its address."""

import ipaddress
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from granian.http import HTTP1Settings

from tests.front import ROUTES
from tests.servers import ServerMissing

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "ops/compose/rolling.yml")
BESIDE = "-beside"


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """Both files, as docker-compose itself understands them together."""
    program = shutil.which("docker-compose")
    if program is None:
        raise ServerMissing("docker-compose: apt-get install docker-compose")
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([tmp_path / "ops/make-secrets"], check=True, capture_output=True)
    command = [program, *(word for file in FILES for word in ("-f", file)), "config"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    read: dict[str, Any] = yaml.safe_load(told.stdout)
    return read


def test_each_service_has_a_second_which_is_the_first_by_another_address(document: dict[str, Any]) -> None:
    services: dict[str, dict[str, Any]] = document["services"]
    running = {name: entry for name, entry in services.items() if entry.get("command", [""])[0] == "run"}
    first = {name: entry for name, entry in running.items() if not name.endswith(BESIDE)}
    assert {f"{name}{BESIDE}" for name in first} == running.keys() - first.keys()
    for name, entry in first.items():
        assert _but_for_its_place(name, running[f"{name}{BESIDE}"]) == _but_for_its_place(name, entry), name


def _but_for_its_place(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """As others on its networks know it: by its aliases, and by its name where it is the first."""
    networks = {network: dict(place or {}) for network, place in entry["networks"].items()}
    address = networks["inside"].pop("ipv4_address", None)
    assert entry["environment"].get("INTERNAL_ADDRESS") == address, "it listens where it is"
    networks["doors"]["aliases"] = sorted({name, *networks["doors"].get("aliases", ())})
    settings = {setting: value for setting, value in entry["environment"].items() if setting != "INTERNAL_ADDRESS"}
    return entry | {"networks": networks, "environment": settings}


def test_no_two_have_one_address_and_no_other_container_can_be_given_it(document: dict[str, Any]) -> None:
    places = [entry["networks"].get("inside") or {} for entry in document["services"].values() if "networks" in entry]
    addresses = [ipaddress.ip_address(place["ipv4_address"]) for place in places if "ipv4_address" in place]
    assert len(set(addresses)) == len(addresses) == 8
    (pool,) = document["networks"]["inside"]["ipam"]["config"]
    given_away = ipaddress.ip_network(pool["ip_range"])
    assert [address for address in addresses if address in given_away] == []


def test_the_front_closes_a_connection_that_rests_before_a_service_does(document: dict[str, Any]) -> None:
    """What it sends into one as that is closed, it may not send again."""
    kept = [float(seconds) for seconds in re.findall(r"^upstream .* keepalive_timeout (\d+)s; }$", ROUTES, re.M)]
    assert len(kept) == 5
    told = [entry["environment"] for entry in document["services"].values() if "environment" in entry]
    drained = [float(settings["DRAIN_SECONDS"]) for settings in told if "DRAIN_SECONDS" in settings]
    assert len(drained) == 10
    assert max(kept) < min(*drained, HTTP1Settings().header_read_timeout / 1000)
