"""On a full disk PostgreSQL commits nothing; once its ballast is deleted a key is revoked with its receipt."""

import contextlib
import os
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from services.keys import assembly as keys_assembly
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.e2e.running import eventually
from tests.examples import ORIGIN, NoBus
from tests.servers import Postgres, ServerMissing
from tests.shims.small_disk import small_disk

DISK_MIB, BALLAST_MIB = 400, 64
REQUEST = KeyRequest(description=Description(name="Reader"), permissions=("sensors:read",))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_a_key_is_revoked_with_its_receipt_once_the_ballast_is_deleted(tmp_path: Path) -> None:
    with ExitStack() as beside:
        outside = Path(beside.enter_context(tempfile.TemporaryDirectory(prefix="grillo-disk-")))
        outside.chmod(0o711)  # PostgreSQL's user goes through
        disk = beside.enter_context(small_disk(outside / "disk", DISK_MIB))
        postgres = beside.enter_context(closing(Postgres(tmp_path, disk.path)))
        with psycopg.connect(postgres.address(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
            connection.execute("SELECT pg_reload_conf()")
        database = beside.enter_context(closing(Database(postgres.new_database())))
        commands = keys_assembly.assemble(database, NoBus(), SystemClock(), lease_seconds=1).commands
        organisation = commands.organisations.register("Grillo", "standard", ORIGIN)
        key_id = commands.create(organisation, REQUEST, ORIGIN).key_id
        ballast = postgres.make_ballast(BALLAST_MIB)
        disk.leave(0)
        _write_until_it_fails(postgres)
        with pytest.raises(OperationalError):
            _create_until_it_fails(commands, organisation)
        ballast.unlink()
        eventually(lambda: _answers(postgres), bool)
        revoked = commands.revoke(organisation, key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
        assert revoked.receipt.propagated


def _answers(postgres: Postgres) -> bool:
    """Started where it has ended, as Docker does, again and again."""
    with contextlib.suppress(psycopg.OperationalError, ServerMissing):
        if not postgres.is_running():
            postgres.start()
        psycopg.connect(postgres.address()).close()
        return True
    return False


def _create_until_it_fails(commands: CommandHandler, organisation: str) -> None:
    while True:
        commands.create(organisation, REQUEST, ORIGIN)


def _write_until_it_fails(postgres: Postgres) -> None:
    """Of its write-ahead log PostgreSQL writes files anew that are there already, and so goes on for some time."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(postgres.address(), autocommit=True) as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 10000000))")
