"""A key does not expire for good by a clock in doubt; the gate refuses it meanwhile, by the time that it is told."""

from datetime import timedelta

from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORIGIN, NoBus

AHEAD = timedelta(days=100)


def test_no_key_expires_for_good_by_a_clock_in_doubt(database: Database, clock: ManualClock) -> None:
    keys = keys_assembly.assemble(database, NoBus(), clock, lease_seconds=10)
    keys.clock_watch.tick()
    organisation_id = keys.commands.organisations.register("Grillo", "standard", ORIGIN)
    request = KeyRequest(
        description=Description(name="Reader"), permissions=("sensors:read",), expires_at=NOON + timedelta(days=30)
    )
    keys.commands.create(organisation_id, request, ORIGIN)
    clock.set_by(AHEAD)
    keys.clock_watch.tick()
    assert keys.sweep.run() == 0
    keys.clock_watch.accept()
    assert keys.sweep.run() == 1
