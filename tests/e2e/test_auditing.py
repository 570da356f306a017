"""`grillo audit verify` against what sqlite3 can do to a log."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from services.keys import assembly as keys
from services.keys import tables as keys_tables
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.e2e.running import GRILLO, Distributed, Embedded, grillo


@pytest.mark.xdist_group("embedded")
def test_an_untouched_log_passes_while_the_system_runs(embedded: Embedded) -> None:
    verified = grillo("audit", "verify", "--data", str(embedded.data))
    assert verified.returncode == 0, verified.stdout
    assert "keys: " in verified.stdout
    assert "the chain holds" in verified.stdout


@pytest.mark.xdist_group("embedded")
def test_a_saved_receipt_is_checked_without_a_server(embedded: Embedded, tmp_path: Path) -> None:
    key_id, _ = embedded.create_key("sensors:read")
    saved, public_keys = tmp_path / "answer.json", tmp_path / "grillo-keys.json"
    with embedded.admin() as client:
        saved.write_bytes(client.post(f"/v1/keys/{key_id}/revoke", json={}).content)
    with embedded.client() as client:
        public_keys.write_bytes(client.get("/.well-known/grillo-keys").content)
    checked = grillo("audit", "receipt", str(saved), "--keys", str(public_keys), url="http://127.0.0.1:9")
    assert checked.returncode == 0, checked.stderr
    assert f"KeyRevoked of {key_id}" in checked.stdout
    saved.write_text(saved.read_text().replace("KeyRevoked", "KeyResumed"))
    altered = grillo("audit", "receipt", str(saved), "--keys", str(public_keys))
    assert (altered.returncode, "was altered" in altered.stderr) == (1, True)


def test_one_edited_byte_is_found_in_its_row(data: Path) -> None:
    _some_history(data)
    _sql(data, "UPDATE log SET data = replace(data, '\"allow_query\":true', '\"allow_query\":TRUE') WHERE position = 3")
    _finds(data, "keys: row 3: the row does not match its hash")


def test_a_removed_last_row_is_seen_by_the_head_and_by_followers_when_the_head_is_mended_too(data: Path) -> None:
    _some_history(data)
    _sql(data, "DELETE FROM log WHERE position = (SELECT max(position) FROM log)")
    untouched = shutil.copytree(data, data.parent / "copy")
    _finds(data, "keys: row 4: the head names row 4, the last row is 3")
    _sql(untouched, "UPDATE log_head SET position = 3, hash = (SELECT hash FROM log WHERE position = 3)")
    _finds(untouched, "keys: row 4: auth.grants has seen this row; it is gone")


@pytest.mark.xdist_group("distributed")
def test_a_log_on_postgresql_is_checked_against_what_its_followers_remember(distributed: Distributed) -> None:
    verified = distributed.stack.grillo("keys", "audit", "verify", "keys")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "the chain holds" in verified.stdout
    cut_back = _copy_without_its_last_row(distributed)
    cut = subprocess.run(
        [*GRILLO, "audit", "verify", "keys"],
        env=distributed.stack.environment("keys") | {"DATABASE_URL": cut_back},
        capture_output=True,
        text=True,
    )
    assert cut.returncode == 1, cut.stdout + cut.stderr
    for follower in ("auth.grants", "usage.known_keys"):
        assert f"{follower} has seen this row; it is gone" in cut.stdout


def _copy_without_its_last_row(distributed: Distributed) -> str:
    """A database with the log of keys, cut off by somebody who mended the head, too."""
    copy = Database(distributed.stack.postgres.new_database())
    migrate(copy, keys.MIGRATIONS)
    log, head = keys_tables.log, keys_tables.log_head
    with Database(distributed.stack.environment("keys")["DATABASE_URL"]).reading() as tx:
        rows = [row._asdict() for row in tx.execute(select(log).order_by(log.c.position))]
        epoch = tx.execute(select(head.c.epoch)).scalar_one()
    with copy.transaction() as tx:
        tx.execute(insert(log), rows[:-1])
        tx.execute(update(head).values(epoch=epoch, position=rows[-2]["position"], hash=rows[-2]["hash"]))
    copy.close()
    return copy.engine.url.render_as_string(hide_password=False)


def _some_history(data: Path) -> None:
    """An organisation, the admin key, a key, its revocation: rows 1 to 4."""
    with Embedded(data) as embedded:
        key_id, _ = embedded.create_key("sensors:read")
        with embedded.admin() as admin:
            assert admin.post(f"/v1/keys/{key_id}/revoke").status_code == 200
        embedded.stop()
    assert grillo("audit", "verify", "--data", str(data)).returncode == 0


def _sql(data: Path, statement: str) -> None:
    with sqlite3.connect(data / "keys.sqlite") as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


def _finds(data: Path, line: str) -> None:
    verified = grillo("audit", "verify", "--data", str(data))
    assert verified.returncode == 1
    assert line in verified.stdout.splitlines()
