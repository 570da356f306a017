"""How quick the console is with 10,000 keys and ten million requests, and what fifty open tabs cost a revocation.

`python -m benchmarks.console`, or one part of it: `pages`, `tabs`; `--keys` for fewer keys. Embedded, on SQLite: pages,
usage and receipts share one process, as for `grillo up`. Keys are in the log, as the service would have written them;
requests are the counters that they would have left, made in the database. Times are those of a client on loopback with
a kept connection, from the request to the last byte. Beside them stands the server's processor time a request, without
what it takes while nobody asks: on a machine that is shared it says more.
"""

import argparse
import os
import re
import sqlite3
import statistics
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from services.embedded.data_folder import DataFolder
from services.keys import events, tables
from services.keys.encryption import data_keys
from services.keys.encryption.description import Description, new_data_key, seal
from services.keys.secret import new_secret
from services.keys.views.projection import project_key
from services.usage.counters import latency_sketch
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.database import Database
from shared.values.identifiers import new_id
from shared.values.timestamps import rfc3339
from tests.e2e.running import Embedded, grillo

KEYS, KEYS_AT_ONCE, BUSY_KEYS = 10_000, 1_000, 500
PARTS = ("pages", "tabs")
IDLE_SECONDS = 5
ACTIVE_EACH = 12  # a tier allows a thousand active ones; the others are revoked
REQUESTS, DAYS = 10_000_000, 30
CHANGES = 2_000  # of the key whose details are asked for
ASKED, WARM_UP = 200, 20
TABS, POLL_SECONDS = 50, 5.0
ROUNDS, REVOCATIONS = 6, 30
P95_MS_MAX, UNCHANGED_MS_MAX = 50.0, 5.0
FIRST_BYTES_MAX, LATER_BYTES_MAX = 100_000, 15_000
LIST = "/console/keys"


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.console")
    asked.add_argument("parts", nargs="*", choices=(*PARTS, []), help="all of them, if none is named")
    asked.add_argument("--keys", type=int, default=KEYS)
    arguments = asked.parse_args()
    parts, keys = arguments.parts or PARTS, arguments.keys
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        with Embedded(data) as system:
            organisation, admin_key = system.organisation, system.admin_key
        grillo("organisation", "set-tier", organisation, "premium", "--data", str(data)).check_returncode()
        began = time.perf_counter()
        busiest = _fill_keys(DataFolder(data).database("keys"), organisation, keys)
        _fill_usage(data / "usage.sqlite", organisation, busiest)
        print(f"{keys:,} keys and {REQUESTS:,} requests stored in {time.perf_counter() - began:.0f} s", flush=True)
        with Embedded(data, admin_key=admin_key) as system, closing(_person(system)) as person:
            _await_followers(system)
            if "pages" in parts:
                _pages(system, person, busiest)
                _bytes(system, person, busiest)
            if "tabs" in parts:
                _revocations_beside_tabs(system, person)


def _pages(system: Embedded, person: httpx.Client, key_id: str) -> None:
    asked: dict[str, tuple[str, float, dict[str, str]]] = {
        "list": (LIST, P95_MS_MAX, {}),
        "list, sorted by name": (f"{LIST}?sort=name", P95_MS_MAX, {}),
        "list, by last use": (f"{LIST}?sort=-last_used_at", P95_MS_MAX, {}),
        "list, searched": (f"{LIST}?q=key+77", P95_MS_MAX, {}),
        "list, unused for 90 days": (f"{LIST}?show=unused", P95_MS_MAX, {}),
        "details and usage": (f"{LIST}/{key_id}", P95_MS_MAX, {}),
        "usage by day": (f"{LIST}/{key_id}?step=day", P95_MS_MAX, {}),
        "activity": (f"{LIST}/{key_id}/activity", P95_MS_MAX, {}),
        "organisation": ("/console/organisation", P95_MS_MAX, {}),
        "organisation by day": ("/console/organisation?step=day", P95_MS_MAX, {}),
    }
    tag, rows = _await_tag(person)
    asked["a poll that changed nothing"] = (rows, UNCHANGED_MS_MAX, {"If-None-Match": tag, "HX-Request": "true"})
    idle = _idle_share(system)
    print(f"the server takes {idle:.1%} of a core while nobody asks", flush=True)
    for what, (path, most, headers) in reversed(asked.items()):
        expected = 304 if headers else 200
        began, since = _processor_seconds(system), time.perf_counter()
        milliseconds = _timed(person, path, headers, expected)
        spent = _processor_seconds(system) - began - idle * (time.perf_counter() - since)
        processor = spent * 1000 / (WARM_UP + ASKED)
        cuts = statistics.quantiles(milliseconds, n=20)
        verdict = "met" if cuts[18] < most else "missed"
        spread = f"p50 {cuts[9]:6.1f} ms   p95 {cuts[18]:6.1f} ms   processor {processor:6.1f} ms"
        print(f"{what:30} {spread}; target {most:g} ms: {verdict}", flush=True)


def _timed(person: httpx.Client, path: str, headers: dict[str, str], expected: int) -> list[float]:
    taken = []
    for number in range(WARM_UP + ASKED):
        began = time.perf_counter()
        answer = person.get(path, headers=headers)
        if expected == httpx.codes.NOT_MODIFIED and answer.status_code == httpx.codes.OK:
            headers["If-None-Match"] = answer.headers.get("ETag", "")  # a key was used, or usage was late
            continue
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == expected, (answer.url, answer.status_code)
    return taken


def _idle_share(system: Embedded) -> float:
    """Of a core."""
    began = _processor_seconds(system)
    time.sleep(IDLE_SECONDS)
    return (_processor_seconds(system) - began) / IDLE_SECONDS


def _processor_seconds(system: Embedded) -> float:
    fields = Path(f"/proc/{system.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _bytes(system: Embedded, person: httpx.Client, key_id: str) -> None:
    """Bodies as they travel, compressed; a first visit loads what the page names, and what its stylesheet names."""
    page = person.get(LIST)
    style = next(path for path in _assets(page.text) if path.endswith(".css"))
    fonts = re.findall(r'url\("([^"]+)"\)', person.get(style).text)
    paths = {*_assets(page.text), *(f"/console/assets/{font}" for font in fonts)}
    assets = sum(person.get(path).num_bytes_downloaded for path in paths)
    first = page.num_bytes_downloaded + assets
    later = max(person.get(path).num_bytes_downloaded for path in (LIST, f"{LIST}/{key_id}", f"{LIST}/new"))
    for what, count, most in (("first visit", first, FIRST_BYTES_MAX), ("later, the most", later, LATER_BYTES_MAX)):
        print(f"{what:30} {count:,} bytes; target {most:,}: {'met' if count < most else 'missed'}", flush=True)


def _assets(page: str) -> list[str]:
    return sorted(set(re.findall(r'"(/console/assets/[^"]+)"', page)))


def _revocations_beside_tabs(system: Embedded, person: httpx.Client) -> None:
    """Rounds in pairs, with and without tabs that are open, each pair beginning with the other one."""
    tabs = [_tag_and_rows(person.get(LIST).text) for _ in range(TABS)]
    medians: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for has_tabs in (True, False) if number % 2 else (False, True):
            medians[has_tabs].append(_median_receipt(system, person, tabs if has_tabs else []))
    without, with_tabs = medians[False], statistics.median(medians[True])
    print(f"receipts, medians of rounds without: {', '.join(f'{each:.1f}' for each in without)} ms", flush=True)
    print(f"receipts, medians of rounds beside: {', '.join(f'{each:.1f}' for each in medians[True])} ms", flush=True)
    verdict = "met" if with_tabs <= max(without) else "missed"
    print(f"receipts beside {TABS} tabs: {with_tabs:.1f} ms, inside the spread without: {verdict}", flush=True)


def _median_receipt(system: Embedded, person: httpx.Client, open_tabs: list[tuple[str, str]]) -> float:
    is_over = threading.Event()
    tabs = [threading.Thread(target=_tab, args=(person, is_over, number, *tab)) for number, tab in enumerate(open_tabs)]
    for tab in tabs:
        tab.start()
    elapsed: list[float] = []
    began = _processor_seconds(system)
    with system.admin() as admin:
        for _ in range(REVOCATIONS):
            key_id, _ = system.create_key("sensors:read")
            answer = admin.post(f"/v1/keys/{key_id}/revoke").raise_for_status()
            elapsed.append(float(answer.json()["receipt"]["elapsed_ms"]))
            time.sleep(0.2)  # so that a round is several polls of each tab long, and within the limit of a minute
    spent = _processor_seconds(system) - began
    is_over.set()
    for tab in tabs:
        tab.join()
    print(f"{len(tabs):3} tabs: p50 {statistics.median(elapsed):5.1f} ms, processor {spent:5.2f} s a round", flush=True)
    return statistics.median(elapsed)


def _tab(person: httpx.Client, is_over: threading.Event, number: int, tag: str, rows: str) -> None:
    """A list that is left open: its keys come and go by the revocations, so that most polls answer rows."""
    is_over.wait(number / TABS * POLL_SECONDS)
    while not is_over.is_set():
        answer = person.get(rows, headers={"If-None-Match": tag, "HX-Request": "true"})
        tag = answer.headers.get("ETag", tag)
        is_over.wait(POLL_SECONDS)


def _await_tag(person: httpx.Client) -> tuple[str, str]:
    """Where usage did not answer in time, as just after the start, a list has no tag."""
    while not (found := _tag_and_rows(person.get(LIST).text))[0]:
        time.sleep(1)
    return found


def _tag_and_rows(page: str) -> tuple[str, str]:
    (tag,), (rows,) = re.findall(r'data-tag="([^"]*)"', page), re.findall(r'data-hx-get="([^"]+)"', page)
    return tag.replace("&#34;", '"'), rows.replace("&amp;", "&")


def _person(system: Embedded) -> httpx.Client:
    """Signed in, with a connection for each tab."""
    printed = grillo("console", "link", "--data", str(system.data), "--name", "Anna").stdout
    limits = httpx.Limits(max_connections=TABS + 10, max_keepalive_connections=TABS + 10)
    client = httpx.Client(base_url=system.url, limits=limits, timeout=60, headers={"Sec-Fetch-Site": "same-origin"})
    (link,) = re.findall(r"/console/link/(grc_\w+)", printed)
    assert client.post("/console/sign-in", data={"link": link}).status_code == 303
    return client


def _await_followers(system: Embedded) -> None:
    """Until all that was written beside the services is pushed and followed: its work is none of the pages'."""
    head = _number(system, "keys", "SELECT position FROM log_head")
    for service, where in (("keys", "relay_cursor"), ("auth", "checkpoint"), ("usage", "checkpoint")):
        while _number(system, service, f"SELECT max(position) FROM {where}") < head:  # noqa: S608  ours
            time.sleep(1)


def _number(system: Embedded, service: str, query: str) -> int:
    with closing(sqlite3.connect(system.data / f"{service}.sqlite")) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)


def _fill_keys(database: Database, organisation: str, keys: int) -> str:
    """The id of the key that has the most changes and the most requests."""
    store = SqlEventStore(database, tables.metadata)
    ids = [new_id("key") for _ in range(keys)]
    origin = Origin(actor="operator", request_id="").text()
    now = datetime.now(UTC)
    for first in range(0, keys, KEYS_AT_ONCE):
        few = ids[first : first + KEYS_AT_ONCE]
        with store.transaction() as tx, store.appending(tx, few) as log:
            for number, key_id in enumerate(few, first):
                data_key = new_data_key()
                data_keys.keep(tx, {key_id: data_key})
                event = _created(key_id, organisation, number, data_key, now - timedelta(minutes=keys - number))
                (row,) = log.append(key_id, 0, [events.types.encode(event)], origin, rfc3339(event.created_at))
                project_key(tx, row, event)
                if number % ACTIVE_EACH and number != keys - 1:
                    ended = _revoked(key_id, organisation, event.created_at + timedelta(seconds=1))
                    (row,) = log.append(key_id, 1, [events.types.encode(ended)], origin, rfc3339(ended.revoked_at))
                    project_key(tx, row, ended)
    _change_often(store, ids[-1], origin, organisation, now)
    database.close()
    return ids[-1]


def _change_often(store: SqlEventStore, key_id: str, origin: str, organisation: str, now: datetime) -> None:
    with store.transaction() as tx, store.appending(tx, [key_id]) as log:
        for version in range(1, CHANGES + 1):
            at, whose = now + timedelta(microseconds=version), {"key_id": key_id, "organisation_id": organisation}
            event: events.KeyEvent = (
                events.KeySuspended(suspended_at=at, **whose)
                if version % 2
                else events.KeyResumed(resumed_at=at, **whose)
            )
            (row,) = log.append(key_id, version, [events.types.encode(event)], origin, rfc3339(at))
            project_key(tx, row, event)


def _created(key_id: str, organisation: str, number: int, data_key: str, created_at: datetime) -> events.KeyCreated:
    secret = new_secret()
    return events.KeyCreated(
        key_id=key_id,
        organisation_id=organisation,
        digest=secret.digest,
        hint=secret.hint,
        words=seal(Description(name=f"Measured key {number}", labels={"env": f"e{number % 7}"}), data_key),
        permissions=("sensors:read",),
        created_at=created_at,
        expires_at=created_at + timedelta(days=365),
        allow_query=False,
        allowed_addresses=(),
        minute_limit=None,
        day_limit=None,
    )


def _revoked(key_id: str, organisation: str, at: datetime) -> events.KeyRevoked:
    return events.KeyRevoked(key_id=key_id, organisation_id=organisation, revoked_at=at, reason="superseded", note=None)


def _fill_usage(file: Path, organisation: str, busiest: str) -> None:
    """Counters by hour and day of thirty days, of the newest keys; the very newest has a tenth of all requests."""
    keys = sqlite3.connect(file.with_name("keys.sqlite"))
    newest = [row[0] for row in keys.execute("SELECT id FROM api_key ORDER BY created_at DESC LIMIT ?", (BUSY_KEYS,))]
    keys.close()
    now_minute = int(time.time()) // 60
    hours = [now_minute - now_minute % 60 - 60 * past for past in range(1, DAYS * 24 + 1)]
    others = REQUESTS * 9 // 10 // (len(hours) * (BUSY_KEYS - 1))
    with sqlite3.connect(file) as usage:
        for key_id in newest:
            requests = REQUESTS // 10 // len(hours) if key_id == busiest else others
            rows = [
                (key_id, hour, route, status, count, count, count * 500)
                for hour in hours
                for route, status, count in (
                    ("/v1/sensors", 200, requests - requests // 20),
                    ("/v1/events", 429, requests // 20),
                )
            ]
            usage.executemany("INSERT INTO counter_hour VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        usage.execute("UPDATE rolled_up SET before = ?", (hours[0] + 60,))
        usage.execute(
            "INSERT INTO counter_day SELECT key_id, minute - minute % 1440, SUM(requests), SUM(cost), SUM(size),"
            " SUM(CASE WHEN status = 429 THEN requests ELSE 0 END) FROM counter_hour GROUP BY 1, 2"
        )
        usage.execute(
            "INSERT INTO organisation_counter_hour SELECT ?, minute, route, status, SUM(requests), SUM(cost), SUM(size)"
            " FROM counter_hour GROUP BY 2, 3, 4",
            (organisation,),
        )
        sketch = latency_sketch.to_bytes({latency_sketch.bucket(500 * 2**power): 10 for power in range(12)})
        for name, owner, source in (
            ("duration", "key_id", "counter_hour"),
            ("organisation_duration", "organisation_id", "organisation_counter_hour"),
        ):
            hours_of = f"INSERT INTO {name} SELECT DISTINCT {owner}, minute, ? FROM {source}"  # noqa: S608  ours
            usage.execute(hours_of, (sketch,))
            days_of = f"INSERT INTO {name}_day SELECT DISTINCT {owner}, minute - minute % 1440, ? FROM {source}"  # noqa: S608
            usage.execute(days_of, (sketch,))
    usage.close()


if __name__ == "__main__":
    main()
