"""docker-compose.yml, run natively: its commands and its environment, on private real servers.

What is replaced is only what a container network would give: names become loopback ports, and the accounts those of
the private servers. As root its processes may do what their containers may (contained.py), and no more.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import yaml

from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT
from tests import front, local_http
from tests.contained import contained, why_not
from tests.servers import Postgres, RabbitMq, Redis, ServerMissing, free_port
from tests.shims.wrong_clock import WrongClock

ROOT = Path(__file__).parents[1]
RPC_ACCOUNTS = ROOT / "ops/rabbitmq/rpc-accounts.example.json"
GRILLO = (sys.executable, "-m", "services.cli")
# Keys of another system that tests bring along (docs/moving.md).
LET_IN = {"FOREIGN_KEY_FORMS": "acme_"}
_READY_SECONDS_MAX = 600
_TO_OTHERS = ("KEYS_INTERNAL_URL", "AUTH_INTERNAL_URL", "USAGE_INTERNAL_URL", "SENSORS_INTERNAL_URL", "AMQP_URI")


class Stack:
    """Started and ready. `environment(service)` is what its container would have.

    `release`: the folder of the sources that what is started from now on runs.
    """

    release = ROOT
    _everywhere = "127.0.0.1"  # where web processes listen

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        rabbitmq: RabbitMq,
        redis: Redis,
        *,
        public_url: str | None = None,
        lease_seconds: float = LEASE_SECONDS_DEFAULT,
        through: Mapping[str, Callable[[int], int]] = {},
        clocks: Mapping[str, WrongClock] = {},
    ) -> None:
        """`public_url`: what callers ask, which leads to the front; None: the front's own.

        `through`: service → the loopback port it is told instead of one of another service, or of RabbitMQ.

        `clocks`: service → the wall clock of its host.
        """
        self.folder, self.postgres = folder, postgres
        self._lease_seconds, self._through, self._clocks = lease_seconds, through, clocks
        self.secrets = _made_secrets(folder)
        compose = _interpolated((ROOT / "docker-compose.yml").read_text(), self.secrets)
        ours = {name: entry for name, entry in compose["services"].items() if "build" in entry}
        running = {name: entry for name, entry in ours.items() if entry["command"][0] == "run"}
        self._services = {name: entry for name, entry in running.items() if entry["command"] == ["run", name]}
        # Each with the database and the accounts of the service that it is a part of.
        self._parts = {name: entry for name, entry in running.items() if name not in self._services}
        self._ports = {name: (free_port(), free_port()) for name in running}
        self._front_port, self._tls_port = free_port(), free_port()
        published = self._address("front", "published")
        self.url, self.tls_url = (f"http://{published}:{self._front_port}", f"https://{published}:{self._tls_port}")
        self._public_url = public_url or self.url
        self._amqp_uri = rabbitmq.new_vhost()
        self.service_databases = {name: postgres.new_service_database() for name in self._services}
        self._accounts = {
            name: {"DATABASE_URL": database.url, "REDIS_URL": redis.url_of(name)}
            | {"AMQP_URI": self.amqp_uri(name), "RPC_ACCOUNTS": str(RPC_ACCOUNTS)}
            for name, database in self.service_databases.items()
        }
        self._log = (folder / "stack.log").open("ab")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._front: subprocess.Popen[bytes] | None = None
        with ExitStack() as unless_ready:  # whatever strikes until then, a test's time-out too
            unless_ready.callback(self.close)
            self._migration = ours["migrate"]
            self.migrate()
            for name in running:
                self.processes[name] = self._start(name)
            self._front = self._start_front(compose["services"]["front"])
            self.wait_until_ready()
            unless_ready.pop_all()

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._services)

    def restart_what_ended(self) -> None:
        """What Docker does by `restart: unless-stopped`."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                self.processes[name] = self._start(name)

    def restart(self, service: str, **settings: str) -> None:
        """Its containers started anew, with these of its settings replaced. Returns once each web is ready."""
        self._accounts[service] |= settings
        for name in (service, *(name for name, entry in self._parts.items() if entry["command"][1] == service)):
            self._restart(name)

    def _restart(self, service: str) -> None:
        self.processes[service].send_signal(signal.SIGTERM)
        self.processes[service].wait(_READY_SECONDS_MAX)
        self.processes[service] = self._start(service)
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while not _is_ready(f"{self.public_url(service)}/readyz"):
            if self.processes[service].poll() is not None or time.monotonic() > deadline:
                raise ServerMissing(f"{service} did not come back\n{self.errors()[-4000:]}")
            time.sleep(0.1)

    def pids(self) -> list[tuple[str, int]]:
        """Every process of the services, each under its role: the supervisors, and all below them."""
        found: list[tuple[str, int]] = []
        for name, process in self.processes.items():
            below = [process.pid]
            while below:
                pid = below.pop()
                found.append((f"{name}: {_role(pid)}", pid))
                below += _children(pid)
        return sorted(found)

    def environment(self, service: str) -> dict[str, str]:
        public, internal = self._ports[service]
        entry = self._entry(service)
        owner = entry["command"][1]
        stated = {name: self.loopback(value) for name, value in entry["environment"].items()}
        replaced = {f"{name}_FILE" for name in self._accounts[owner]}
        mounted = self._secrets_of(service)
        files = {
            name: str(mounted / Path(value).name) if name.endswith("_FILE") else value for name, value in stated.items()
        }
        accounts = {name: self._store(value) for name, value in self._accounts[owner].items()}
        told = {name: value for name, value in files.items() if name not in replaced} | accounts
        if service in self._through:
            told |= {name: _rerouted(told[name], self._through[service]) for name in _TO_OTHERS}
        return (
            self._surroundings()
            | told
            | {"GATE_LEASE_SECONDS": str(self._lease_seconds)}
            | {"GRILLO_PUBLIC_URL": self._public_url, "SPOOL_DIR": str(self.folder / f"{service}-spool")}
            | {"SAMPLES_DIR": str(self.folder / "samples"), "EXPORTS_DIR": str(self.folder / "exports")}
            | {"TRUSTED_PROXIES": self._address("front", "doors")}
            | {"DRAIN_SECONDS": "0"}  # who stops one has no other to drain to
            | LET_IN
            # Receivers of tests are on loopback, and speak no TLS.
            | {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1", "WEBHOOK_ALLOW_HTTP": "true"}
            | {"WEB_ADDRESS": self._everywhere, "WEB_PORT": str(public)}
            | {"INTERNAL_ADDRESS": self._address(service, "inside"), "INTERNAL_PORT": str(internal)}
        )

    def settings(self, service: str) -> dict[str, str]:
        """Its environment, with what is in files read as the service reads it."""
        environment = self.environment(service)
        files = [name for name in self._services[service]["environment"] if name.endswith("_FILE")]
        read = {name: Path(environment.pop(name)).read_text() for name in files if name in environment}
        return environment | {name.removesuffix("_FILE"): text for name, text in read.items()}

    def amqp_uri(self, account: str) -> str:
        """Of a service's account, or of another back end's."""
        return RabbitMq.as_account(self._amqp_uri, account)

    def databases(self) -> dict[str, str]:
        """Service → SQLAlchemy URL, of the role that the service runs as."""
        return {name: account["DATABASE_URL"] for name, account in self._accounts.items()}

    def grillo(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command in the service's container."""
        command = self._contained(service, [*GRILLO, *arguments])
        return subprocess.run(command, env=self.environment(service), capture_output=True, text=True, timeout=120)

    def populate(self) -> tuple[str, str]:
        """What a first start makes when embedded: (organisation, its admin key), and sample sensors."""
        organisation = self._told("keys", "organisation", "register", "Grillo", "--tier", "standard")
        admin_key = self._told("keys", "organisation", "admin-key", organisation)
        self._told("sensors", "sensors", "import", "--samples", "--organisation", organisation)
        while _status(f"{self.url}/v1/keys", admin_key) == httpx.codes.UNAUTHORIZED:
            time.sleep(0.05)  # the relay finds what an operator's command wrote within a second
        return organisation, admin_key

    def _told(self, service: str, *arguments: str) -> str:
        done = self.grillo(service, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def public_url(self, service: str) -> str:
        """Past nginx: of the service's own web."""
        return f"http://{self._address(service, 'doors')}:{self._ports[service][0]}"

    def internal_url(self, service: str) -> str:
        return f"http://{self._address(service, 'inside')}:{self._ports[service][1]}"

    def metrics(self, service: str) -> str:
        """What the service's internal door tells Prometheus, or the console's only one."""
        headers = {"Authorization": f"Bearer {self.secrets['PROMETHEUS_INTERNAL_TOKEN']}"}
        door = self.internal_url(service) if service in self.services else self.public_url(service)
        answer = local_http.get(f"{door}/metrics", headers=headers, timeout=10)
        return answer.raise_for_status().text

    def gates(self, are: str) -> int:
        """How many gates are `quota_on_shares` or `slots_on_shares`, or `quota_redis_up`, as the services tell."""
        told = 0.0
        for name in self._services:
            text = self.metrics(name)
            told += sum(float(count) for count in re.findall(rf"^grillo_{are}(?:{{[^}}]*}})? (\S+)$", text, re.M))
        return round(told)

    def errors(self) -> str:
        self._log.flush()
        return (self.folder / "stack.log").read_text()

    def close(self) -> None:
        started = [*self.processes.values(), *([] if self._front is None else [self._front])]
        for process in started:
            process.send_signal(signal.SIGTERM)
        with ExitStack() as each:  # also where one does not end in time
            each.callback(self._log.close)
            for process in started:
                each.callback(process.wait, 60)

    def _address(self, container: str, network: str) -> str:
        """On that network of the file."""
        return "127.0.0.1"

    def _store(self, address: str) -> str:
        """The address of a server, as containers have it."""
        return address

    def _on_networks(self, container: str, command: list[str]) -> list[str]:
        """The command, on the networks of the container."""
        return command

    def _entry(self, service: str) -> dict[str, Any]:
        entry: dict[str, Any] = (self._services | self._parts)[service]
        return entry

    def migrate(self) -> None:
        """As the owners of all databases."""
        entry = self._migration
        made = {name: self._store(database.owner_url) for name, database in self.service_databases.items()}
        owners = {f"{name.upper()}_OWNER_DATABASE_URL": url for name, url in made.items()}
        assert {f"{name}_FILE" for name in owners} == entry["environment"].keys()
        if why_not() is None:  # what is compiled beside the sources is kept: containers cannot write there
            compiling = [sys.executable, "-m", "compileall", "-q", "services", "shared"]
            subprocess.run(compiling, cwd=self.release, check=True)
        command = _held([*GRILLO, *entry["command"]], entry, readable=[self.release])
        command = self._on_networks("migrate", command)
        environment = self._surroundings() | owners
        subprocess.run(command, env=environment, stdout=self._log, stderr=self._log, check=True, timeout=120)

    def _surroundings(self) -> dict[str, str]:
        if self.release == ROOT:
            return dict(os.environ)
        return dict(os.environ) | {"PYTHONPATH": str(self.release), "PYTHONSAFEPATH": "1"}

    def _start(self, service: str) -> subprocess.Popen[bytes]:
        command = self._contained(service, [*GRILLO, *self._entry(service)["command"]])
        return subprocess.Popen(command, env=self.environment(service), stdout=self._log, stderr=self._log)

    def _contained(self, service: str, command: list[str]) -> list[str]:
        written = [self.folder / name for name in (f"{service}-spool", "samples", "exports")]
        entry, read = self._entry(service), [self._secrets_of(service), self.release]
        if clock := self._clocks.get(entry["command"][1]):
            read.append(clock.folder)
            # Of the command alone: what goes before it does not see the library yet.
            command = ["env", *(f"{name}={value}" for name, value in clock.environment.items()), *command]
        return self._on_networks(service, _held(command, entry, readable=read, writable=written))

    def _secrets_of(self, service: str) -> Path:
        """What its container has as /run/secrets."""
        volumes = self._entry(service)["volumes"]
        source = next(volume for volume in volumes if ":/run/secrets" in volume).partition(":")[0]
        return self.folder / "ops/secrets" / Path(source).name

    def _start_front(self, entry: dict[str, Any]) -> subprocess.Popen[bytes]:
        """nginx with the configuration that its container mounts."""
        ports, places = (self._front_port, self._tls_port), {name: public for name, (public, _) in self._ports.items()}
        written = self.folder / "front"
        written.mkdir()
        command = front.command(written, ports, places, self._routes())
        command = self._on_networks("front", _held(command, entry, writable=[written]))
        return subprocess.Popen(command, env=os.environ | LET_IN, stdout=self._log, stderr=self._log)

    def _routes(self) -> str:
        return front.ROUTES

    def loopback(self, text: str) -> str:
        """The text with the addresses of a container network made those of this machine."""
        for name, (public, internal) in self._ports.items():
            inside = self._address(name, "inside")
            text = text.replace(f"{name}.inside:8001", f"{inside}:{internal}")
            text = text.replace(f"{name}.inside:8000", f"{inside}:{public}")
        return text

    def is_ready(self) -> bool:
        """Every service's web, and the way to them."""
        return not self._not_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while not_ready := self._not_ready():
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise ServerMissing(
                    f"not ready: {', '.join(not_ready)}; ended: {', '.join(ended) or 'none'}\n{self.errors()[-4000:]}"
                )
            time.sleep(0.1)

    def _on_shares(self) -> int:
        return self.gates("quota_on_shares") + self.gates("slots_on_shares")

    def _not_ready(self) -> list[str]:
        webs = [f"{self.public_url(name)}/readyz" for name in self._ports]
        not_ready = [url for url in (*webs, f"{self.url}/readyz") if not _is_ready(url)]
        if not not_ready and (self.gates("quota_redis_up") < len(self._services) or self._on_shares()):
            return ["gates that count together"]  # they serve on shares, too; but tests count on whole limits
        return not_ready


def _made_secrets(folder: Path) -> dict[str, str]:
    """What ops/make-secrets writes to `.env`."""
    shutil.copytree(ROOT / "ops", folder / "ops")
    shutil.copy(ROOT / ".env.example", folder)
    subprocess.run([folder / "ops/make-secrets"], check=True, capture_output=True)
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def _interpolated(text: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    def value(match: re.Match[str]) -> str:
        name, has_default, default = match[1].partition(":-")
        return secrets.get(name, default) if has_default else secrets[name]

    document: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{([^}]+)\}", value, text))
    return document


def _held(command: list[str], entry: Mapping[str, Any], **volumes: list[Path]) -> list[str]:
    return contained(command, entry, **volumes) if why_not() is None else command


def _rerouted(address: str, through: Callable[[int], int]) -> str:
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: str(through(int(port[0]))), address)


# The second: it ended between the opening of its file and the reading.
_GONE = (FileNotFoundError, ProcessLookupError)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except _GONE:
        return []


def _role(pid: int) -> str:
    """From the command line: `services.cli run keys`, `services.distributed.web keys public`, or a child of one."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except _GONE:
        return "gone"
    return " ".join(words[2:]).strip() or "child"


def _is_ready(url: str) -> bool:
    try:
        return local_http.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _status(url: str, key: str) -> int:
    return local_http.get(url, headers={"Authorization": f"Bearer {key}"}).status_code
