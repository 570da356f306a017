"""Keys created a second through the whole command path on SQLite, and events a second followed into auth's grants.

Every creation is a durable commit (synchronous=FULL) with the hash chain and the read model; the disk bounds it.
"""

import tempfile
import time
from pathlib import Path

from services.auth import assembly as auth
from services.keys import assembly as keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import NoBus

CREATIONS = 990
ORIGIN = Origin(actor="benchmark")


def main() -> None:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = keys.assemble(Database.sqlite(folder / "keys.sqlite"), NoBus(), clock, lease_seconds=10)
        follower = auth.assemble(Database.sqlite(folder / "auth.sqlite"), service.feed, clock)
        organisation_id = service.commands.organisations.register("Benchmark", "premium", ORIGIN)
        request = KeyRequest(description=Description(name="A key"), permissions=("sensors:read",))
        began = time.perf_counter()
        for _ in range(CREATIONS):
            service.commands.create(organisation_id, request, ORIGIN)
        print(f"{CREATIONS / (time.perf_counter() - began):,.0f} keys created a second, one writer")
        began = time.perf_counter()
        follower.subscription.pull()
        print(f"{CREATIONS / (time.perf_counter() - began):,.0f} events a second followed by auth")


if __name__ == "__main__":
    main()
