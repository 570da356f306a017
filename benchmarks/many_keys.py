"""A million keys at one gate: memory, time from start to ready, throughput against a thousand keys, a backlog applied.

The grants lie in auth's own table on PostgreSQL; auth streams them to each gate that starts. Two gates are compared,
started before and after the table was filled. For the backlog one of them is suspended while 10,000 events are written
into the log of keys and all others follow; it is over when the gate refuses the key that the last of them revokes.
"""

import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.contenders import cores
from benchmarks.contenders.answer import PATH
from benchmarks.contenders.gated import ORIGIN, Log, surroundings
from benchmarks.contenders.grants import add_grants
from benchmarks.contenders.server import Server
from benchmarks.contenders.wide_auth import WIDE
from benchmarks.loads.connection import Connection, request_to
from benchmarks.loads.rounds import Contender, compare, run_rounds, show
from benchmarks.loads.wrk import write_headers
from services.keys import events
from services.keys.secret import Secret, new_secret
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import rfc3339
from tests.servers import suspended

FEW, MANY, USED = 1_000, 1_000_000, 50_000
ROUNDS, SECONDS = 5, 5
BACKLOGS, BACKLOG, ROWS_AT_ONCE = 5, 10_000, 1_000
MEMORY_MB_MAX, READY_SECONDS_MAX, BACKLOG_SECONDS_MAX = 400, 20, 1.0
ORGANISATION = "org_benchmark"


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        around = closing.enter_context(surroundings(folder))
        cores.keep_off_the_measured()
        auth = closing.enter_context(around.wide_auth())
        contenders: dict[str, Contender] = {}
        for what, keys_before, count in (("a thousand keys", 0, FEW), ("a million keys", FEW, MANY)):
            known = add_grants(around.databases["auth"], ORGANISATION, WIDE, count - keys_before, used=min(USED, count))
            headers = write_headers(folder / what, (f"Bearer {secret}" for secret in known))
            gate = closing.enter_context(around.gate(what, auth_internal_url=auth.url))
            contenders[what] = Contender(name=what, server=gate, url=gate.url + PATH, headers=headers)
            print(f"{what}: ready after {gate.ready_seconds:.1f} s, {_megabytes(gate):.0f} MB resident", flush=True)
        many = contenders["a million keys"].server
        _judge("ready", many.ready_seconds, READY_SECONDS_MAX, "s")
        figures = run_rounds(list(contenders.values()), rounds=ROUNDS, seconds=SECONDS)
        _judge("resident after the load", _megabytes(many), MEMORY_MB_MAX, "MB")
        show(figures)
        compare(figures, "a million keys", "a thousand keys", 0.9)
        log = Log(around)
        backlogs = [_backlog_seconds(log, many, backlog) for backlog in range(BACKLOGS)]
        what = f"a backlog of {BACKLOG:,} events applied ({min(backlogs):.2f} to {max(backlogs):.2f} in {BACKLOGS})"
        _judge(what, statistics.median(backlogs), BACKLOG_SECONDS_MAX, "s")


def _judge(what: str, figure: float, most: float, unit: str) -> None:
    print(f"{what}: {figure:.2f} {unit}; target {most:g} {unit}: {'met' if figure <= most else 'missed'}", flush=True)


def _megabytes(server: Server) -> float:
    return server.resident_bytes() / 1e6


def _backlog_seconds(log: Log, gate: Server, backlog: int) -> float:
    """From the moment when the gate may run again until it has refused the key that the last event revokes."""
    first, secret = _key_id(backlog, 0), new_secret()
    _append(log.store, {first: _created(first, secret)})
    connection, request = Connection(gate.url + PATH), request_to(gate.url + PATH, f"Bearer {secret.value}")
    while connection.ask(request) != httpx.codes.OK:
        time.sleep(0.05)
    others = [_key_id(backlog, number) for number in range(1, BACKLOG)]
    with suspended(cores.family(gate.process.pid)):
        _append(log.store, {key_id: _created(key_id, new_secret()) for key_id in others})
        _append(log.store, {first: _revoked(first)}, version=1)
        log.await_following("keys", "auth", "usage")
    began = time.monotonic()
    connection = Connection(gate.url + PATH)  # Granian has ended those that were idle for so long
    while connection.ask(request) != httpx.codes.UNAUTHORIZED:
        time.sleep(0.001)
    return time.monotonic() - began


def _key_id(backlog: int, number: int) -> str:
    return f"key_{backlog}{number:021}"


def _append(store: SqlEventStore, by_stream: Mapping[str, events.KeyEvent], version: int = 0) -> None:
    """Straight into the log: to have events there, not to measure the writing."""
    streams = iter(by_stream.items())
    while page := [stream for _, stream in zip(range(ROWS_AT_ONCE), streams, strict=False)]:
        with store.transaction() as tx:
            for stream, event in page:
                encoded = [events.types.encode(event)]
                store.append(tx, stream, version, encoded, ORIGIN.text(), rfc3339(datetime.now(UTC)))


def _created(key_id: str, secret: Secret) -> events.KeyCreated:
    return events.KeyCreated(
        key_id=key_id,
        organisation_id=ORGANISATION,
        digest=secret.digest,
        hint=secret.hint,
        words="",
        permissions=("events:read",),
        created_at=datetime.now(UTC),
        expires_at=None,
        allow_query=True,
        allowed_addresses=(),
        minute_limit=None,
        day_limit=None,
    )


def _revoked(key_id: str) -> events.KeyRevoked:
    return events.KeyRevoked(
        key_id=key_id, organisation_id=ORGANISATION, revoked_at=datetime.now(UTC), reason="unspecified", note=None
    )


if __name__ == "__main__":
    main()
