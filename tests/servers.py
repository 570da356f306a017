"""Private PostgreSQL, RabbitMQ and Redis servers for a test run: on loopback, on free ports, in folders of their own.

Each is stopped by the process that was started here, never by name.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kombu
import psycopg
import redis
from psycopg import sql

_START_SECONDS_MAX = 150
_VHOSTS = 40
_DATABASES = Path(__file__).parents[1] / "ops/postgres/databases.sh"
_BALLAST = _DATABASES.with_name("ballast.sh")
_REDIS_CONFIGURATION = Path(__file__).parents[1] / "ops/redis/configuration.sh"
_RABBITMQ_CONFIGURATION = Path(__file__).parents[1] / "ops/rabbitmq/rabbitmq.conf"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Of each test process its own: what one was given may be a minute from listening when another draws.
_PORTS = range(10_000 + _WORKER, 32_768, _WORKERS)
_given: set[int] = set()
# As docs/rpc.md has it.
RPC_ACCOUNTS = json.loads((Path(__file__).parents[1] / "ops/rabbitmq/rpc-accounts.example.json").read_text())


def _module(path: str) -> Any:
    """A script of ours, which lies in no package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RABBITMQ = _module("ops/rabbitmq/definitions.py")


class ServerMissing(Exception):
    """The test run cannot go on: to skip would be to say that more was tested than was."""


def free_port() -> int:
    """Never the same twice, and none of those that the kernel gives to whoever calls out: such a one could be taken
    before its server is there."""
    while True:
        port = secrets.choice(_PORTS)  # not by `random`, which hypothesis seeds: two processes would draw alike
        if port not in _given:
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                _given.add(port)
                return port


@contextlib.contextmanager
def suspended(pids: Iterable[int]) -> Iterator[None]:
    """These processes stand still, and go on whatever happens meanwhile."""
    processes = list(pids)
    try:
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        # On a busy machine a thread runs on until the one that takes the signal gets a processor.
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not all(map(_stands_still, processes)):
            if time.monotonic() > deadline:
                raise ServerMissing(f"of the processes {processes} one still runs after SIGSTOP")
            time.sleep(0.001)
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDatabase:
    """`url`: of the role that the service runs as; `owner_url`: of the one that migrates."""

    name: str
    password: str
    owner_password: str
    url: str = ""
    owner_url: str = ""


class Postgres:
    """One cluster; each test takes a database and a role of its own. Commits are durable, as in production.

    `data` is the folder of everything that it keeps.
    """

    def __init__(self, folder: Path, disk: Path | None = None) -> None:
        """`folder` is for the log. The data are elsewhere: pytest keeps its own folders from every other user.

        `disk`: where they are; None: where temporary folders are.
        """
        self._binaries = _postgres_binaries()
        # PostgreSQL refuses to run as root.
        self._user = _user("postgres") if os.geteuid() == 0 else None
        self._folder, self.port = Path(tempfile.mkdtemp(prefix="grillo-postgres-", dir=disk)), free_port()
        self._folder.chmod(0o711)
        self.data = self._folder / "data"
        self._log = (folder / "postgres.log").open("wb")
        self.data.mkdir()
        if self._user is not None:
            shutil.chown(self.data, self._user)
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        self._run("initdb", "--pgdata", str(self.data), *options).wait()
        with _ended_unless_ready(self.close):
            self.start()

    def start(self) -> None:
        address = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-p", str(self.port))
        self._process = self._run("postgres", "-D", str(self.data), *address, "-c", "max_connections=200")
        _wait_until(self._answers, self._process, "PostgreSQL")

    def stop(self) -> None:
        """Fast shutdown: connections are cut, what was committed is kept."""
        _end(self._process, signal.SIGINT)

    def crash(self) -> None:
        """As the death of its machine: nothing is written any more; the next start recovers what had been."""
        _end(self._process, signal.SIGQUIT)

    def close(self) -> None:
        """At once, and without the checkpoint that a clean stop waits for: its data go with it."""
        _end(self._process, signal.SIGQUIT)
        self._log.close()
        shutil.rmtree(self._folder)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def make_ballast(self, mebibytes: int) -> Path:
        """As ops/postgres does. The file."""
        environment = os.environ | {"PGDATA": str(self.data), "BALLAST_MIB": str(mebibytes)}
        subprocess.run([_BALLAST], env=environment, check=True, timeout=60)
        return self.data / "ballast"

    def new_service_database(self) -> ServiceDatabase:
        """A database with the two roles of a service, made by the script that production has. No schema yet."""
        name = f"grillo_{secrets.token_hex(6)}"
        return self.set_up(
            ServiceDatabase(name=name, password=secrets.token_hex(12), owner_password=secrets.token_hex(12))
        )

    def set_up(self, database: ServiceDatabase) -> ServiceDatabase:
        """As ops/postgres does: makes what is missing, and sets the passwords."""
        prefix = database.name.upper()
        environment = os.environ | {
            "PATH": f"{self._binaries}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "DATABASES": database.name,
            f"{prefix}_DATABASE_PASSWORD": database.password,
            f"{prefix}_OWNER_PASSWORD": database.owner_password,
        }
        done = subprocess.run([_DATABASES], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        address = f"@127.0.0.1:{self.port}/{database.name}"
        return replace(
            database,
            url=f"postgresql+psycopg://{database.name}:{database.password}{address}",
            owner_url=f"postgresql+psycopg://{database.name}_owner:{database.owner_password}{address}",
        )

    def new_database(self) -> str:
        """An SQLAlchemy URL, of the role that owns it."""
        name, password = f"grillo_{secrets.token_hex(6)}", secrets.token_hex(12)
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
            )
            connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://{name}:{password}@127.0.0.1:{self.port}/{name}"

    def address(self) -> str:
        """As its superuser."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=2"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self._binaries / program), *arguments], stdout=self._log, stderr=self._log, user=self._user, cwd="/"
        )


class RabbitMq:
    """One node; each test takes a virtual host of its own."""

    def __init__(self, folder: Path, vhosts: int = _VHOSTS) -> None:
        """`vhosts`: as many can be taken. Each costs an idle node processor time and memory; production has one."""
        self._program, self._vhosts_max = _rabbitmq_program(), vhosts
        self._folder, self.port = folder / "rabbitmq", free_port()
        self._folder.mkdir()
        self._log = (folder / "rabbitmq.log").open("wb")
        epmd_port = free_port()
        self._environment = os.environ | {
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(epmd_port),
            "RABBITMQ_NODENAME": f"grillo{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
        }
        self._configure()
        # Started here, so that it ends here: a node would leave its own epmd behind for ever.
        epmd = shutil.which("epmd") or "/usr/bin/epmd"
        self._epmd = subprocess.Popen(
            [epmd, "-port", str(epmd_port), "-address", "127.0.0.1"], stdout=self._log, stderr=self._log
        )
        self._vhosts = count()
        with _ended_unless_ready(self.close):
            self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(self._program)], env=self._environment, stdout=self._log, stderr=self._log, start_new_session=True
        )
        _wait_until(self._answers, self._process, "RabbitMQ")

    def stop(self) -> None:
        """As a crash would: the data folder stays."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def lose_data(self) -> None:
        """While stopped: as if the broker's disk had been replaced."""
        shutil.rmtree(self._folder / "mnesia")

    def close(self) -> None:
        self.stop()
        _end(self._epmd, signal.SIGTERM)
        self._log.close()

    def new_vhost(self) -> str:
        """An AMQP URI, of an account that may do everything there."""
        return self._uri(f"t{next(self._vhosts)}")

    @staticmethod
    def as_account(uri: str, account: str) -> str:
        """The same virtual host as a service has it, with the rights of ops/rabbitmq/rights.json."""
        return uri.replace("//grillo:grillo@", f"//{account}:{account}@")

    def consumers(self, uri: str) -> dict[str, int]:
        """Queue → how many consume it, also of those that a connection has for itself."""
        return {queue["name"]: queue["consumers"] for queue in self.queues(uri, "consumers")}

    def queues(self, uri: str, *told: str) -> list[dict[str, Any]]:
        """Each with its name and what `rabbitmqctl list_queues` is to tell of it."""
        return self._listed("list_queues", uri, "name", *told)

    def bindings(self, uri: str) -> list[dict[str, Any]]:
        """`source_name` of the exchange ("": the default one), `destination_name` of the queue, `routing_key`."""
        return self._listed("list_bindings", uri, "source_name", "destination_name", "routing_key")

    def _listed(self, what: str, uri: str, *told: str) -> list[dict[str, Any]]:
        command = [str(self._program.with_name("rabbitmqctl")), "--quiet", "--formatter", "json"]
        command += [what, "--vhost", urlsplit(uri).path[1:], *told]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120, check=True)
        listed: list[dict[str, Any]] = json.loads(done.stdout)
        return listed

    @contextlib.contextmanager
    def alarm(self) -> Iterator[None]:
        """The one of a disk that is nearly full: it takes connections, and reads nothing from those that publish."""
        self._require_free(10**15)
        try:
            yield
        finally:
            self._require_free(10**6)

    def _require_free(self, disk_bytes: int) -> None:
        command = [str(self._program.with_name("rabbitmqctl")), "--quiet", "set_disk_free_limit", str(disk_bytes)]
        subprocess.run(command, env=self._environment, timeout=120, check=True)

    def replace_password(self, account: str, password: str) -> None:
        """Connections that are open stay."""
        command = [str(self._program.with_name("rabbitmqctl")), "--quiet", "change_password", account]
        subprocess.run(command, input=password, env=self._environment, text=True, timeout=120, check=True)

    def _configure(self) -> None:
        vhosts = [f"t{number}" for number in range(self._vhosts_max)]
        passwords = {name: name for name in (*RABBITMQ.RIGHTS["accounts"], *RPC_ACCOUNTS)}
        definitions = RABBITMQ.definitions(passwords, vhosts, RPC_ACCOUNTS)
        definitions["users"].append({"name": "grillo", "password": "grillo", "tags": ""})
        definitions["permissions"] += [
            {"user": "grillo", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in vhosts
        ]
        (self._folder / "definitions.json").write_text(json.dumps(definitions))
        (self._folder / "plugins").write_text("[].\n")
        ours = _RABBITMQ_CONFIGURATION.read_text().splitlines()
        bounds = [line for line in ours if not line.startswith(("#", "load_definitions"))]
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"load_definitions = {self._folder / 'definitions.json'}\n"
            "loopback_users = none\n" + "\n".join(bounds)
        )

    def _uri(self, vhost: str) -> str:
        return f"amqp://grillo:grillo@127.0.0.1:{self.port}/{vhost}"

    def _answers(self) -> bool:
        try:
            with kombu.Connection(self._uri(f"t{self._vhosts_max - 1}"), connect_timeout=2) as connection:
                connection.connect()
        except (OSError, kombu.exceptions.OperationalError):
            return False
        return True


class Redis:
    """One server with the accounts that production has, keeping nothing on disk but what a test makes it save.

    `url`: of a gate's account; which service's, makes no difference.
    """

    def __init__(self, folder: Path) -> None:
        self._program, self._folder, self.port = _redis_program(), folder / "redis", free_port()
        self._folder.mkdir()
        self._log = (folder / "redis.log").open("wb")
        self._configure()
        with _ended_unless_ready(self.close):
            self.start()

    @property
    def url(self) -> str:
        return self.url_of("keys")

    def url_of(self, service: str) -> str:
        return f"redis://{service}:{self._passwords[service]}@127.0.0.1:{self.port}/0"

    def replace_passwords(self) -> None:
        """As an operator would: it is started anew with others. What it counted is gone."""
        self.stop()
        self._configure()
        self.start()

    def _configure(self) -> None:
        self._passwords = {service: secrets.token_hex(12) for service in ("keys", "auth", "usage", "sensors", "test")}
        passwords = {f"{name.upper()}_REDIS_PASSWORD": password for name, password in self._passwords.items()}
        accounts = subprocess.run(
            [_REDIS_CONFIGURATION], env=os.environ | passwords, stdout=subprocess.PIPE, check=True
        )
        configuration = self._folder / "redis.conf"  # not an argument: those any user can read
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"{accounts.stdout.decode()}bind 127.0.0.1\nport {self.port}\ndir {self._folder}\ndbfilename dump.rdb\n"
            f"user test on >{self._passwords['test']} allkeys allchannels allcommands\n"
        )

    def start(self, *, with_saved: bool = False) -> None:
        if not with_saved:
            (self._folder / "dump.rdb").unlink(missing_ok=True)
        command = [self._program, str(self._folder / "redis.conf")]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        _wait_until(self._answers, self._process, "Redis")

    def stop(self) -> None:
        """As a crash would. What was not saved is gone."""
        self._process.kill()
        self._process.wait()

    def save(self) -> None:
        """What it holds now is what it will start with."""
        with self.client() as client:
            client.save()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """It may do anything."""
        return redis.Redis.from_url(self.url_of("test"), socket_timeout=5)

    def close(self) -> None:
        self.resume()
        self.stop()
        self._log.close()

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.ping()
        except redis.exceptions.RedisError:
            return False
        return True


def postgres_program(name: str) -> Path:
    """One of PostgreSQL's own: psql, pg_dump …"""
    return _postgres_binaries() / name


def _postgres_binaries() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    # Debian keeps the servers of each version apart; the newest will do.
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        raise ServerMissing("PostgreSQL's programs: apt-get install postgresql (13 or newer)")
    return installed[-1].parent


def _rabbitmq_program() -> Path:
    for path in (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path(shutil.which("rabbitmq-server") or "-")):
        if path.is_file():
            return path
    raise ServerMissing("RabbitMQ: apt-get install rabbitmq-server (3.10 or newer)")


def _redis_program() -> str:
    program = shutil.which("redis-server")
    if program is None:
        raise ServerMissing("Redis: apt-get install redis-server (6 or newer)")
    return program


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return pwd.getpwnam("nobody").pw_uid


@contextlib.contextmanager
def _ended_unless_ready(close: Callable[[], None]) -> Iterator[None]:
    """Nobody else can end what does not come up. Whatever strikes meanwhile: a test's time-out, too."""
    with contextlib.ExitStack() as unless_ready:
        unless_ready.callback(close)
        yield
        unless_ready.pop_all()


def _wait_until(answers: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while not answers():
        if process.poll() is not None:
            raise ServerMissing(f"{name} ended with {process.returncode}; its log is beside its folder")
        if time.monotonic() > deadline:
            raise ServerMissing(f"{name} did not answer within {_START_SECONDS_MAX} s")
        time.sleep(0.05)


def _stands_still(pid: int) -> bool:
    """All its threads do."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    try:
        return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
    except (FileNotFoundError, ProcessLookupError):  # a thread that ends just now
        return False


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)
        process.wait(30)
