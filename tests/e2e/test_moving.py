"""docs/moving.md: keys of another system come along, live as ours do, and stand nowhere in clear."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, String, cast, create_engine, inspect, literal_column, select, text

from shared.values import key_forms
from tests.e2e.running import Distributed, Embedded, System, eventually
from tests.stack import LET_IN, ROOT

PAGE = (ROOT / "docs/moving.md").read_text()
(TABLE,) = [block.removeprefix("csv\n") for block in PAGE.split("```")[1::2] if block.startswith("csv\n")]


def test_imported_keys_are_served_metered_rotated_and_revoked_and_stand_nowhere(system: System, tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text(TABLE)
    secrets = [row["secret"] for row in csv.DictReader(TABLE.splitlines())]
    environment = os.environ | {"GRILLO_URL": system.url, "GRILLO_API_KEY": system.admin_key}
    command = [sys.executable, str(ROOT / "examples/import_keys.py"), str(tmp_path / "keys.csv")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    ids = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(ids) == len(secrets)
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert again.stdout == done.stdout, "repeated, it makes nothing twice"

    with system.admin() as admin, system.client(secrets[0]) as holder, system.client() as nobody:
        assert holder.get("/v1/sensors").status_code == 200
        # Where a secret does not belong, too.
        for path in (f"/v1/sensors/{secrets[0]}", f"/{secrets[0]}", f"/v1/keys?name={secrets[0]}"):
            assert secrets[0] not in nobody.get(path).text
        assert nobody.get("/v1/sensors", params={"api_key": secrets[0]}).status_code == 200
        nobody.get("/v1/sensors", headers={"X-Request-Id": secrets[0], "User-Agent": secrets[0]})
        usage = f"/v1/keys/{ids[0]}/usage"
        eventually(lambda: admin.get(usage).json(), lambda used: used["total"] >= 2)
        rotated = admin.post(f"/v1/keys/{ids[0]}/rotate", json={"grace_seconds": 3600}).json()["key"]
        assert rotated.startswith("grl_")
        for secret in (secrets[0], rotated):
            with system.client(secret) as either:
                assert either.get("/v1/keys/self").json()["id"] == ids[0]
        receipt = admin.post(f"/v1/keys/{ids[0]}/revoke").json()["receipt"]
        assert receipt["propagated"]
        assert holder.get("/v1/sensors").json()["type"].endswith("/problems/key-revoked")
        assert admin.post(f"/v1/keys/{ids[1]}/revoke").status_code == 200
    for where, what in _written(system):
        assert [secret[5:] in what for secret in secrets] == [False, False], where


def test_what_the_page_says_of_prefixes_is_so() -> None:
    assert LET_IN["FOREIGN_KEY_FORMS"] in PAGE
    key_forms.checked(LET_IN["FOREIGN_KEY_FORMS"].split(","))
    for ours in ("grl_", "key_", "sen_", "sk_live_"):
        assert f"`{ours}" in PAGE
        with pytest.raises(key_forms.KeyFormWrong):
            key_forms.checked((ours,))


def _written(system: System) -> Iterator[tuple[str, str]]:
    """Where, and what: all that the system wrote into files, its logs among them, and its databases."""
    if isinstance(system, Embedded):
        folder = system.data
        yield "stderr", system.errors()
    else:
        assert isinstance(system, Distributed)
        folder = system.stack.folder
        for service, database in system.stack.service_databases.items():
            with _connected(database.owner_url) as connection:
                for table in inspect(connection).get_table_names():
                    rows = connection.execute(
                        select(cast(literal_column("t"), String)).select_from(text(f'"{table}" t'))
                    )
                    yield f"{service}: {table}", "\n".join(rows.scalars())
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes().decode(errors="replace")


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
