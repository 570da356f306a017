"""Keys killed by SIGKILL wherever it stands: no head that anybody was given is ever gone, so nothing diverges."""

import os
import random
import signal
from pathlib import Path

import msgspec

from services.keys import assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_heads import SignedHead
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.children import fork, wait
from tests.examples import ORIGIN, NoBus
from tests.service_database import migrated

KILLS, HEADS_MAX = 4, 8
REQUEST = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))


def test_no_head_that_was_given_out_is_gone_after_any_number_of_kills(tmp_path: Path) -> None:
    file, signer = tmp_path / "keys.db", Signer(new_private_key())
    migrated(Database.sqlite(file), assembly.MIGRATIONS).close()
    chance, given = random.Random(7), list[SignedHead]()
    for _ in range(KILLS):
        given += _killed(file, signer, heads=chance.randint(1, HEADS_MAX))
        keys = _keys(file, signer)
        for head in given:
            assert not keys.feed.pull(None, None, HeldHead(follower="auth.grants", head=head)).log_diverged
        keys.database.close()
    assert len({head.position for head in given}) > KILLS


def _killed(file: Path, signer: Signer, heads: int) -> list[SignedHead]:
    """The heads that a process had given out when it was killed, during its next command."""
    reader, writer = os.pipe()

    def work() -> None:
        keys = _keys(file, signer)
        organisation = keys.commands.organisations.register("Ferrovie", "premium", ORIGIN)
        while True:
            keys.commands.create(organisation, REQUEST, ORIGIN, beyond_limit=True)
            os.write(writer, msgspec.json.encode(keys.feed.pull(None).signed_head) + b"\n")

    child = fork(work)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        given = [msgspec.json.decode(lines.readline(), type=SignedHead) for _ in range(heads)]
        os.kill(child, signal.SIGKILL)
        given += [msgspec.json.decode(line, type=SignedHead) for line in lines if line.endswith(b"\n")]
    assert wait(child) == -signal.SIGKILL
    return given


def _keys(file: Path, signer: Signer) -> assembly.Keys:
    return assembly.assemble(Database.sqlite(file), NoBus(), SystemClock(), lease_seconds=1, signer=signer)


def test_two_processes_over_one_log_continue_what_either_has_signed(tmp_path: Path) -> None:
    """As gates name it that started at once, and are answered now by one and now by the other."""
    file, signer = tmp_path / "keys.db", Signer(new_private_key())
    migrated(Database.sqlite(file), assembly.MIGRATIONS).close()
    first, second = _keys(file, signer), _keys(file, signer)
    organisation = first.commands.organisations.register("Ferrovie", "premium", ORIGIN)
    given: list[SignedHead] = []
    for number in range(6):
        asked = (first, second)[number % 2]
        asked.commands.create(organisation, REQUEST, ORIGIN, beyond_limit=True)
        page = asked.feed.pull(None)
        assert page.signed_head is not None
        given.append(page.signed_head)
    for asked in (first, second):
        for head in given:
            assert not asked.feed.pull(None, None, HeldHead(follower="gate_1", head=head)).log_diverged
        asked.database.close()
