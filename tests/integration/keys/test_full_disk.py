"""On a disk with little left keys are ended, and nothing else is written."""

from pathlib import Path

import pytest

from services.keys import assembly as keys_assembly
from services.keys.assembly import Keys
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.console.sessions.sign_in import SEEN_EVERY
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer, new_private_key
from shared.runtime import room
from shared.runtime.clock import ManualClock
from shared.runtime.room import Room
from shared.sql.database import Database
from shared.sql.disk_full import DiskFull
from tests.examples import ORIGIN, NoBus
from tests.integration.keys.console.scene import Console, create

REQUEST = KeyRequest(description=Description(name="Reader"), permissions=("sensors:read", "events:read"))


class Disk(Room):
    left = 2**40

    def has(self, floor_bytes: int = room.ORDINARY_BYTES) -> bool:
        return self.left >= floor_bytes


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.fixture
def keys(tmp_path: Path, disk: Disk, clock: ManualClock) -> Keys:
    return keys_assembly.assemble(Database.sqlite(tmp_path / "k.db", disk), NoBus(), clock, lease_seconds=10)


def test_at_the_console_a_key_is_ended_by_who_is_signed_in_and_by_who_signs_in(
    keys: Keys, disk: Disk, clock: ManualClock
) -> None:
    console = Console(keys)
    anna = console.browser(name="Anna")
    create(anna)
    create(anna, name="Another")
    disk.left = room.ORDINARY_BYTES - 1
    clock.advance(SEEN_EVERY.total_seconds())
    assert anna.get("/console/keys").status_code == 200
    for key_id, browser in zip(console.ids(), (anna, console.browser(name="Anna")), strict=True):
        page = f"/console/keys/{key_id}/revoke"
        done = browser.submit(browser.get(page), page, reason="key-compromise", force="on")
        assert done.status_code == 200, done.text
        assert keys.queries.get_key(console.organisation_id, key_id).revoked_at is not None


def test_after_a_start_a_key_is_ended_as_before_it(keys: Keys, tmp_path: Path, disk: Disk, clock: ManualClock) -> None:
    signer = Signer(new_private_key())
    organisation = keys.commands.organisations.register("Grillo", "standard", ORIGIN)
    key_id = keys.commands.create(organisation, REQUEST, ORIGIN).key_id
    keys.database.close()
    disk.left = room.URGENT_BYTES
    restarted = keys_assembly.assemble(
        Database.sqlite(tmp_path / "k.db", disk), NoBus(), clock, lease_seconds=10, signer=signer
    )
    restarted.restore_detection.settle()
    revocation = restarted.commands.revoke(organisation, key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
    assert revocation.receipt.propagated
    head = restarted.feed.pull(None).signed_head
    assert head is not None
    restarted.feed.pull(None, held=HeldHead(follower="auth.grants", head=head))


def test_what_ends_a_key_commits_where_nothing_else_does(keys: Keys, disk: Disk) -> None:
    organisation = keys.commands.organisations.register("Grillo", "standard", ORIGIN)
    ids = [keys.commands.create(organisation, REQUEST, ORIGIN).key_id for _ in range(4)]
    disk.left = room.ORDINARY_BYTES - 1
    with pytest.raises(DiskFull, match="64 MiB"):
        keys.commands.create(organisation, REQUEST, ORIGIN)
    keys.commands.revoke(organisation, ids[0], Reason.KEY_COMPROMISE, None, ORIGIN)
    keys.commands.suspend(organisation, ids[1], ORIGIN)
    with pytest.raises(DiskFull):
        keys.commands.resume(organisation, ids[1], ORIGIN)
    keys.commands.delete(organisation, ids[2], ORIGIN)
    keys.commands.edit(organisation, ids[3], KeyEdit(permissions=("sensors:read",)), ORIGIN)
    disk.left = room.URGENT_BYTES - 1
    with pytest.raises(DiskFull, match="4 MiB"):
        keys.commands.revoke(organisation, ids[3], Reason.KEY_COMPROMISE, None, ORIGIN)
    disk.left = 2**40
    keys.commands.resume(organisation, ids[1], ORIGIN)
