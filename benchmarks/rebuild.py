"""The read models of keys and of auth, made again from a log of 100,000 events on SQLite, and equal after."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from services.auth import assembly as auth
from services.auth import tables as auth_tables
from services.keys import assembly as keys
from services.keys import events
from services.keys import tables as keys_tables
from services.keys.encryption import data_keys
from services.keys.encryption.description import Description, new_data_key, seal
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests.examples import NoBus

KEYS, EVENTS_EACH = 20_000, 5
ORIGIN = Origin(actor="benchmark")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def main() -> None:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = keys.assemble(Database.sqlite(folder / "keys.sqlite"), NoBus(), clock, lease_seconds=10)
        grants = auth.assemble(Database.sqlite(folder / "auth.sqlite"), service.feed, clock)
        _write_log(service, service.commands.organisations.register("Benchmark", "premium", ORIGIN))
        models = (keys_tables.organisation, keys_tables.api_key, keys_tables.key_label)
        _measure("keys", service.rebuild, service.database, models)
        _measure("auth", grants.rebuild, grants.database, (auth_tables.grant, auth_tables.organisation_tier))


def _measure(name: str, rebuild: Callable[[], int], database: Database, models: tuple[Table, ...]) -> None:
    rebuild()
    before = _contents(database, models)
    began, worked = time.perf_counter(), time.process_time()
    count = rebuild()
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    assert _contents(database, models) == before
    print(f"{name}: {count:,} events in {seconds:.1f} s, {processor:.1f} of the processor, equal after")


def _write_log(service: keys.Keys, organisation_id: str) -> None:
    """Straight into the log, many streams a transaction: to have it there, not to measure the writing."""
    numbers = iter(range(KEYS))
    while page := [number for _, number in zip(range(1000), numbers, strict=False)]:
        with service.store.transaction() as tx:
            for number in page:
                key_id, data_key = f"key_{number:022}", new_data_key()
                data_keys.keep(tx, {key_id: data_key})
                life = [events.types.encode(event) for event in _life(key_id, organisation_id, number, data_key)]
                service.store.append(tx, key_id, 0, life, ORIGIN.text(), rfc3339(NOW))


def _life(key_id: str, organisation_id: str, number: int, data_key: str) -> list[events.KeyEvent]:
    ids: dict[str, Any] = {"key_id": key_id, "organisation_id": organisation_id}
    access: dict[str, Any] = {"expires_at": None, "allow_query": True, "allowed_addresses": (), "day_limit": None}
    words = Description(name=f"Key {number}", labels={"env": "prod"})
    created = events.KeyCreated(
        **ids,
        **access,
        digest=f"{number:064}",
        hint="grl_0000…0000",
        words=seal(words, data_key),
        permissions=("sensors:read",),
        created_at=NOW,
        minute_limit=None,
    )
    return [
        created,
        events.KeyDescribed(**ids, words=seal(replace(words, description="a sensor"), data_key), described_at=NOW),
        events.KeyAccessChanged(**ids, **access, minute_limit=30, changed_at=NOW),
        events.KeyRotated(**ids, digest=f"f{number:063}", hint="grl_1111…1111", grace_until=None, rotated_at=NOW),
        events.KeySuspended(**ids, suspended_at=NOW),
    ]


def _contents(database: Database, models: tuple[Table, ...]) -> list[list[tuple[Any, ...]]]:
    with database.reading() as tx:
        return [[tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))] for table in models]


if __name__ == "__main__":
    main()
