"""History of an organisation among those of others: the same pages, however far back its own rows lie in the log."""

import json

import pytest
from sqlalchemy import select

from services.keys import assembly, tables
from services.keys.assembly import Keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.views import organisation_history
from services.keys.views.organisation_history import EVERYTHING, HistoryFilter
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORIGIN, NoBus
from tests.service_database import migrated

REQUEST = KeyRequest(description=Description(name="k"), permissions=("events:read",))


@pytest.fixture
def keys(database: Database, clock: ManualClock) -> Keys:
    migrated(database, assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, lease_seconds=1)


@pytest.fixture
def organisation_id(keys: Keys) -> str:
    """Its events lie by threes between those of another; one of its keys is deleted."""
    ours, others = (keys.commands.organisations.register(name, "standard", ORIGIN) for name in ("Ferrovie", "Bahn"))
    for number in range(4):
        key_id = keys.commands.create(ours, REQUEST, ORIGIN).key_id
        keys.commands.suspend(ours, key_id, ORIGIN)
        if number == 1:
            keys.commands.delete(ours, key_id, ORIGIN)
        for _ in range(3):
            keys.commands.create(others, REQUEST, ORIGIN)
    return ours


@pytest.mark.parametrize("wanted", [EVERYTHING, HistoryFilter(types=("KeySuspended",))], ids=str)
@pytest.mark.parametrize("walked", [0, 1, 4, 1000])
def test_pages_have_each_event_of_its_own_once(
    keys: Keys, organisation_id: str, monkeypatch: pytest.MonkeyPatch, walked: int, wanted: HistoryFilter
) -> None:
    with keys.database.reading() as tx:
        rows = tx.execute(select(tables.log).order_by(tables.log.c.position.desc())).all()
    own = [row for row in rows if json.loads(row.data)["organisation_id"] == organisation_id]
    expected = [(row.position, row.type) for row in own if row.type in (wanted.types or (row.type,))]
    monkeypatch.setattr(organisation_history, "WALKED_MAX", walked)
    told: list[tuple[int, str]] = []
    after = None
    while True:
        page = keys.organisation_history.page(organisation_id, 3, after, wanted)
        told += [(one.position, one.entry.type) for one in page.entries]
        assert all((one.hint is None) is (one.key_id is None) for one in page.entries)
        after = page.next_place
        if after is None:
            break
    assert told == expected
