"""Expiry of unused keys is one organisation's setting, and touches no other's keys."""

from datetime import timedelta

from services.keys import assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Status
from services.keys.lifecycle.organisation import ChangeSettings
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORIGIN, NoBus
from tests.service_database import migrated


def test_it_touches_no_other_organisation_s_keys(database: Database, clock: ManualClock) -> None:
    migrated(database, assembly.MIGRATIONS)
    keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    # A month away, so that the sweep looks at the keys of both.
    request = KeyRequest(
        description=Description(name="k"), permissions=("events:read",), expires_at=clock.now() + timedelta(days=30)
    )
    ours, others = (keys.commands.organisations.register(name, "free", ORIGIN) for name in ("Ferrovie", "Bahn"))
    unused, theirs, used = (keys.commands.create(of, request, ORIGIN).key_id for of in (ours, others, others))
    keys.commands.organisations.change_settings(ours, ChangeSettings(unused_expiry_days=14), ORIGIN)
    for _ in range(3):
        clock.advance(8 * 86_400)
        keys.last_use.record({used: clock.now()})
        keys.sweep.run()
    assert keys.queries.get_key(ours, unused).status is Status.EXPIRED
    assert keys.queries.get_key(others, theirs).status is Status.ACTIVE
    told = [entry.facts["reason"] for entry in keys.history.of_key(others, theirs) if "reason" in entry.facts]
    assert told == ["time"]
