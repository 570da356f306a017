"""What a creation asks its database, for others wait for the log meanwhile: nothing twice, nothing that it knows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import event

from services.keys.assembly import MIGRATIONS
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.integration.keys.revocation.world import World, fence_of
from tests.service_database import migrated


def test_a_creation_asks_its_database_nothing_twice(tmp_path: Path, clock: ManualClock) -> None:
    database = migrated(Database.sqlite(tmp_path / "keys.db"), MIGRATIONS)
    with ThreadPoolExecutor(1) as pool:
        world = World(database, clock, pool)
        admin = world.create()
        wanted = KeyRequest(
            description=Description(name="Ponte", labels={"env": "prod"}), permissions=("sensors:read",)
        )
        commands = world.keys.commands.behind(fence_of(world, admin))
        statements: list[str] = []
        event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        made = commands.create(world.organisation_id, wanted, Origin(actor=admin.key_id))
        asked = [statement.split()[0] for statement in statements]
        assert asked == [
            "BEGIN",
            "SELECT",  # the log's head
            "SELECT",  # the stream's version
            "SELECT",  # the key that asks
            "SELECT",  # what bounds new keys
            "INSERT",  # the data key
            "INSERT",  # the key
            "INSERT",  # its label
            "INSERT",  # who made it
            "INSERT",  # the event
            "UPDATE",  # the log's head
            "SELECT",  # where gates are
        ]
        assert made.key == world.keys.queries.get_key(world.organisation_id, made.key_id)
    database.close()
