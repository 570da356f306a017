"""After a restore gates still hold, for a lease, what the lost log had told them: their word must not count here."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from services.keys import tables
from services.keys.assembly import assemble
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.replication.feed import Acknowledgement
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import ORIGIN, NoBus


@pytest.mark.parametrize("restored_epoch", ["another epoch", "the same epoch"])
def test_an_acknowledgement_of_another_log_is_none_of_this_one(tmp_path: Path, restored_epoch: str) -> None:
    lost = Database.sqlite(tmp_path / "lost.db")
    keys = assemble(lost, NoBus(), SystemClock(), lease_seconds=0)
    organisation = keys.commands.organisations.register("Railway", "free", ORIGIN)
    request = KeyRequest(description=Description(name="key"), permissions=("admin",))
    stolen = keys.commands.create(organisation, request, ORIGIN)
    with lost.transaction():
        shutil.copy(tmp_path / "lost.db", tmp_path / "restored.db")
        shutil.copy(tmp_path / "lost.db-wal", tmp_path / "restored.db-wal")
    for _ in range(3):
        keys.commands.create(organisation, request, ORIGIN)
    place = keys.feed.pull(None).head

    restored = Database.sqlite(tmp_path / "restored.db")
    if restored_epoch == "another epoch":
        with restored.transaction() as tx:
            tx.execute(update(tables.log_head).values(epoch="restored"))
    keys = assemble(restored, NoBus(), SystemClock(), lease_seconds=0)
    page = keys.feed.pull(place, Acknowledgement(gate="gate_1", position=place.position))
    assert page.diverged
    with restored.reading() as tx:
        rows = tx.execute(select(tables.gate.c.id, tables.gate.c.position)).all()
    assert [tuple(row) for row in rows] == [("gate_1", 0)]
    receipt = keys.commands.revoke(organisation, stolen.key_id, Reason.KEY_COMPROMISE, None, ORIGIN).receipt
    assert receipt.position < place.position
    assert [gate.applied_ms for gate in receipt.gates] == [None]  # counted out, after its lease
