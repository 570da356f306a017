"""A part of a key's history is what the whole has in that range, whatever of it is left out before it is read."""

from datetime import timedelta

import pytest

from services.keys import assembly
from services.keys.assembly import Keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import NoSuchKey
from services.keys.views.history import HistoryEntry, HistoryRange
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORIGIN, NoBus
from tests.service_database import migrated

REQUEST = KeyRequest(description=Description(name="k"), permissions=("events:read",))
RANGES = (
    HistoryRange(),
    HistoryRange(newest=2),
    HistoryRange(newest=1, end=NOON + timedelta(seconds=2)),
    HistoryRange(newest=2, end=NOON + timedelta(seconds=2), end_revision=5),
    HistoryRange(start=NOON + timedelta(seconds=1), end=NOON + timedelta(seconds=3)),
    HistoryRange(request_id="req_2"),
    HistoryRange(request_id="REQ_2"),
    HistoryRange(request_id="req_%"),
    HistoryRange(request_id='req_1"'),
)


@pytest.fixture
def keys(database: Database, clock: ManualClock) -> Keys:
    migrated(database, assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, lease_seconds=1)


@pytest.fixture
def organisation_id(keys: Keys) -> str:
    return keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)


@pytest.fixture
def key_id(keys: Keys, organisation_id: str, clock: ManualClock) -> str:
    """Two changes in each second, by one request."""
    key_id = keys.commands.create(organisation_id, REQUEST, ORIGIN).key_id
    for second in range(1, 4):
        clock.advance(1)
        origin = Origin(actor="usr_1", request_id=f"req_{second}")
        keys.commands.suspend(organisation_id, key_id, origin)
        keys.commands.resume(organisation_id, key_id, origin)
    return key_id


@pytest.mark.parametrize("wanted", RANGES, ids=str)
def test_a_part_is_what_the_whole_has_there(
    keys: Keys, organisation_id: str, key_id: str, wanted: HistoryRange
) -> None:
    whole = [entry for entry in keys.history.of_key(organisation_id, key_id) if _is_in(entry, wanted)]
    part = keys.history.of_key(organisation_id, key_id, wanted)
    assert list(part) == (whole if wanted.newest is None else whole[-wanted.newest :])


def test_it_is_nobody_else_s_also_where_it_is_empty(keys: Keys, key_id: str, organisation_id: str) -> None:
    nothing = HistoryRange(end=NOON - timedelta(days=1))
    assert keys.history.of_key(organisation_id, key_id, nothing) == ()
    others = keys.commands.organisations.register("Bahn", "standard", ORIGIN)
    for whose, whom in ((others, key_id), (organisation_id, "key_unknown"), (organisation_id, organisation_id)):
        with pytest.raises(NoSuchKey):
            keys.history.of_key(whose, whom, nothing)


def _is_in(entry: HistoryEntry, wanted: HistoryRange) -> bool:
    return (
        (wanted.start is None or entry.at >= wanted.start)
        and (wanted.end is None or (entry.at, entry.revision) < (wanted.end, wanted.end_revision))
        and wanted.request_id in (None, entry.request_id)
    )
