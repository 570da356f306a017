"""Keys created each second over HTTP by one web process, every commit durable, the hash chain on: SQLite, PostgreSQL.

Many organisations share the load, for each holds at most a thousand keys and each admin key has its minute. Every
201 is answered after the key works at every gate (1 embedded, 4 apart). Beside it, what one thread creates without
HTTP and without gates: what the log itself allows.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from services.embedded.data_folder import DataFolder
from services.keys import assembly
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.e2e.running import Embedded
from tests.examples import NoBus
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

ORGANISATIONS, CALLERS, SECONDS = 40, 32, 20
ALONE_SECONDS = 5
ORIGIN = Origin(actor="benchmark")
LOAD = """
local admins = {{{admins}}}
local next_admin = 0
local body = '{{"name": "Benchmark", "permissions": ["sensors:read"]}}'
request = function()
  next_admin = next_admin % #admins + 1
  local headers = {{["Authorization"] = "Bearer " .. admins[next_admin], ["Content-Type"] = "application/json"}}
  return wrk.format("POST", "/v1/keys", headers, body)
end
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Embedded(folder / "data"):
            pass  # makes the folder
        admins = _organisations(DataFolder(folder / "data").database("keys"))
        _alone(DataFolder(folder / "data").database("keys"), "SQLite")
        with Embedded(folder / "data", admin_key=admins[0]) as embedded:
            _measure("SQLite, embedded", embedded.url, admins, folder)
        postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
        try:
            _alone(Database(postgres.new_database()), "PostgreSQL")
            stack = Stack(folder, postgres, rabbitmq, redis)
            stack.populate()
            admins = _organisations(Database(stack.databases()["keys"]))
            time.sleep(3)  # the relay tells the gates of them
            _measure("PostgreSQL, 4 services", stack.public_url("keys"), admins, folder)
            stack.close()
        finally:
            redis.close()
            rabbitmq.close()
            postgres.close()


def _organisations(database: Database) -> list[str]:
    """Their admin keys. Gates that run hear of them by their own pulls."""
    commands = _commands(database)
    admins = []
    for number in range(ORGANISATIONS):
        organisation = commands.organisations.register(f"Benchmark {number}", "premium", ORIGIN)
        admins.append(_create(commands, organisation, "admin"))
    database.close()
    return admins


def _alone(database: Database, name: str) -> None:
    """What one thread creates with nothing else in the way."""
    commands = _commands(database)
    organisations = [commands.organisations.register(f"Alone {n}", "premium", ORIGIN) for n in range(ORGANISATIONS)]
    created, began = 0, time.monotonic()
    while time.monotonic() - began < ALONE_SECONDS:
        _create(commands, organisations[created % ORGANISATIONS], "sensors:read")
        created += 1
    print(f"{name}: {created / (time.monotonic() - began):.0f} keys/s by one thread, no HTTP, no gate")
    database.close()


def _commands(database: Database) -> CommandHandler:
    return assembly.assemble(database, NoBus(), SystemClock(), lease_seconds=10).commands


def _create(commands: CommandHandler, organisation: str, permission: str) -> str:
    request = KeyRequest(description=Description(name="Benchmark"), permissions=(permission,))
    return commands.create(organisation, request, ORIGIN).secret.value


def _measure(name: str, url: str, admins: list[str], folder: Path) -> None:
    script = folder / "load.lua"
    script.write_text(LOAD.format(admins=", ".join(f'"{admin}"' for admin in admins)))
    command = ["wrk", "-t1", f"-c{CALLERS}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", told)
    p50, p99 = (re.search(rf"{share}%\s+(\S+)", told) for share in (50, 99))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    assert per_second, told
    assert p50, told
    assert p99, told
    print(f"{name}: {per_second[1]} keys/s by {CALLERS} callers over HTTP, p50 {p50[1]}, p99 {p99[1]}", end="")
    print(f", {refused[1]} not created" if refused else ", all created")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
