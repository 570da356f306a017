"""What a bad neighbour costs: an organisation's requests and webhooks, alone and beside one that asks for all it can.

`python -m benchmarks.neighbours`, under four minutes. The services of docker-compose.yml on private servers. The
neighbour asks eight wide questions without a pause (400 days of 100 keys), uses a limit up and goes on asking, has 100
rules and 20 channels whose receivers never answer, each sent a message a second. Alone and beside take turns within one
run, so that what else the machine does strikes both; what is compared is their medians.
"""

import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import text

from services.usage.alerting.rules.rule_store import RULES_MAX
from services.usage.notifications.channels.channel_store import CHANNELS_MAX
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests import local_http
from tests.e2e.running import Distributed, eventually
from tests.receivers import Received, Receiver, hang, receiver, status
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

TURNS, ASKED_A_TURN, TURN_SECONDS_MAX = 4, 50, 30.0  # half of the turns alone
WIDE_AT_ONCE, WIDE_DAYS, WIDE_KEYS = 8, 400, 100
AGAIN_SECONDS, HAMMERED_SECONDS, MESSAGE_SECONDS = 0.2, 0.02, 1.0
SETTLED_SECONDS = SENT_SECONDS_MAX = 5.0
RATIO_MAX = 2.0


class Neighbour:
    """Asks for all it can while `is_asking` is set. `answered`: statuses of its wide questions."""

    def __init__(self, url: str, keys: list[str], used_up: str, channels: list[str]) -> None:
        self.is_asking, self._is_over, self.answered = threading.Event(), threading.Event(), Counter[int]()
        start = datetime.now(UTC) - timedelta(days=WIDE_DAYS)
        self._wide = {"from": rfc3339(start), "step": "day"}
        self._tests = [f"/v1/channels/{channel}/test" for channel in channels]
        acts = [*[(key, self._ask_widely) for key in keys], (used_up, self._use_up), (keys[0], self._send)]
        self._threads = [threading.Thread(target=self._act, args=(url, key, act)) for key, act in acts]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._is_over.set()
        self.is_asking.set()
        for thread in self._threads:
            thread.join()

    def _act(self, url: str, key: str, act: Callable[[httpx.Client], None]) -> None:
        with _client(url, key) as client:
            while self.is_asking.wait() and not self._is_over.is_set():
                act(client)

    def _ask_widely(self, client: httpx.Client) -> None:
        answer = client.get("/v1/usage", params=self._wide)
        self.answered[answer.status_code] += 1
        if answer.status_code != httpx.codes.OK:
            time.sleep(AGAIN_SECONDS)

    def _use_up(self, client: httpx.Client) -> None:
        client.get("/v1/sensors", params={"limit": 1})
        time.sleep(HAMMERED_SECONDS)

    def _send(self, client: httpx.Client) -> None:
        for path in self._tests:
            client.post(path)
        time.sleep(MESSAGE_SECONDS)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as each:
        folder = Path(name)
        postgres = each.enter_context(closing(Postgres(folder)))
        rabbitmq = each.enter_context(closing(RabbitMq(folder)))
        redis = each.enter_context(closing(Redis(folder)))
        running = Distributed(each.enter_context(closing(Stack(folder, postgres, rabbitmq, redis))))
        dead, alive = each.enter_context(receiver(hang)), each.enter_context(receiver(status(200)))
        neighbour = each.enter_context(closing(_neighbour(running, dead)))
        took = _measured(running, neighbour, alive)
        for what, (alone, beside) in took.items():
            if not (alone and beside):
                print(f"{what:20} not answered: alone {len(alone)}, beside {len(beside)} times")
                continue
            medians = statistics.median(alone) * 1000, statistics.median(beside) * 1000
            ratio = medians[1] / medians[0]
            verdict = "met" if ratio <= RATIO_MAX else "missed"
            print(
                f"{what:20} alone {medians[0]:7.1f} ms ({len(alone)})   beside {medians[1]:7.1f} ms ({len(beside)})   "
                f"{ratio:.2f}; target {RATIO_MAX:g}: {verdict}"
            )
        print(
            f"the neighbour's wide questions: {dict(sorted(neighbour.answered.items()))}; messages: {dead.connections}"
        )


def _measured(
    running: Distributed, neighbour: Neighbour, alive: Receiver
) -> dict[str, tuple[list[float], list[float]]]:
    """What was asked → seconds, (alone, beside)."""
    with ExitStack() as each:
        asked = _asked(running, each, alive)
        seconds = {(what, is_beside): list[float]() for what in asked for is_beside in (False, True)}
        for turn in range(TURNS):
            is_beside = turn % 2 == 1
            with _beside(neighbour) if is_beside else ExitStack():
                threads = [
                    threading.Thread(target=_time, args=(ask, seconds[what, is_beside])) for what, ask in asked.items()
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
    return {what: (seconds[what, False], seconds[what, True]) for what in asked}


def _asked(running: Distributed, each: ExitStack, alive: Receiver) -> dict[str, Callable[[], None]]:
    key_id, key = running.create_key("admin")
    client = each.enter_context(_client(running.url, key))
    hook = client.post("/v1/channels", json={"kind": "webhook", "url": alive.url()}).raise_for_status().json()["id"]

    def sent() -> None:
        before = len(alive.received)
        name = client.post(f"/v1/channels/{hook}/test").raise_for_status().json()["webhook_id"]
        until = time.perf_counter() + SENT_SECONDS_MAX
        while name not in _names(alive.received[before : (count := len(alive.received))]):
            alive.wait_for(count + 1, max(0.0, until - time.perf_counter()))

    def get(path: str) -> Callable[[], None]:
        own = each.enter_context(_client(running.url, running.create_key("admin")[1]))

        def ask() -> None:
            own.get(path).raise_for_status()

        return ask

    return {
        "sensors": get("/v1/sensors?limit=1"),
        "a list of keys": get("/v1/keys?limit=20"),
        "usage of a key": get(f"/v1/keys/{key_id}/usage"),
        "activity of a key": get(f"/v1/keys/{key_id}/activity"),
        "a webhook": sent,
    }


def _names(some: list[Received]) -> set[str]:
    return {one.headers["webhook-id"] for one in some}


def _time(ask: Callable[[], None], seconds: list[float]) -> None:
    """What fails, as where a busy machine costs a gate its lease, is left out: the count of each median tells."""
    until = time.perf_counter() + TURN_SECONDS_MAX
    for _ in range(ASKED_A_TURN):
        began = time.perf_counter()
        if began > until:
            return
        with suppress(httpx.HTTPError, AssertionError):  # no answer, no message
            ask()
            seconds.append(time.perf_counter() - began)
        took = time.perf_counter() - began
        time.sleep(max(0.0, 0.3 - took))  # within the limit of a minute, and as long as the webhooks


@contextmanager
def _beside(neighbour: Neighbour) -> Iterator[None]:
    neighbour.is_asking.set()
    try:
        time.sleep(SETTLED_SECONDS)
        yield
    finally:
        neighbour.is_asking.clear()
        time.sleep(SETTLED_SECONDS)


def _neighbour(running: Distributed, dead: Receiver) -> Neighbour:
    told = running.stack.grillo("keys", "organisation", "register", "Neighbour", "--tier", "premium")
    organisation = told.stdout.strip()
    admin = running.stack.grillo("keys", "organisation", "admin-key", organisation).stdout.strip()
    _fill(running.stack.service_databases["usage"].owner_url, organisation)
    with _client(running.url, admin) as client:
        eventually(lambda: client.get("/v1/keys").status_code, lambda code: code == httpx.codes.OK)
        keys = [
            _made(client, "/v1/keys", name=f"Key {number}", permissions=["admin"])["key"]
            for number in range(WIDE_AT_ONCE)
        ]
        used_up = _made(client, "/v1/keys", name="Used up", permissions=["sensors:read"], limits={"minute": 1})["key"]
        channels = [
            _made(client, "/v1/channels", kind="webhook", url=dead.url(f"/{number}"))["id"]
            for number in range(CHANNELS_MAX)
        ]
        while client.post("/v1/alert-rules", json={"kind": "quota"}).status_code == httpx.codes.CREATED:
            pass
        rules = len(_all(client, "/v1/alert-rules"))
    assert (rules, len(channels)) == (RULES_MAX, CHANNELS_MAX)
    return Neighbour(running.url, keys, used_up, channels)


def _made(client: httpx.Client, path: str, **body: object) -> dict[str, str]:
    made: dict[str, str] = client.post(path, json=body).raise_for_status().json()
    return made


def _all(client: httpx.Client, path: str) -> list[object]:
    return list(client.get(path, params={"limit": 100}).raise_for_status().json()["data"])


def _client(url: str, key: str) -> httpx.Client:
    return local_http.client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=20)


def _fill(url: str, organisation: str) -> None:
    """Counters by hour and day of 400 days, as so many keys would have left them."""
    now = int(datetime.now(UTC).timestamp()) // 3600 * 60
    numbers = {"keys": WIDE_KEYS, "first": now - WIDE_DAYS * 1440, "last": now - 60, "of": organisation}
    with Database(url).transaction(unlimited=True) as tx:
        for statement in _ROWS:
            tx.execute(text(statement), numbers)


_ROWS = (
    "CREATE TEMP TABLE k ON COMMIT DROP AS"
    " SELECT 'key_of_neighbour_' || n AS key_id FROM generate_series(1, CAST(:keys AS integer)) AS n",
    "CREATE TEMP TABLE hour ON COMMIT DROP AS"
    " SELECT h AS minute FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint), 60) AS h",
    "INSERT INTO known_key (key_id, organisation_id, hint) SELECT key_id, :of, 'grl_0000…0000' FROM k",
    "INSERT INTO counter_hour SELECT key_id, minute, '/v1/sensors', 200, 5, 5, 100 FROM k, hour",
    "INSERT INTO counter_day SELECT key_id, minute / 1440 * 1440, 120, 120, 2400 FROM k, hour GROUP BY 1, 2",
    "INSERT INTO organisation_counter_hour SELECT :of, minute, '/v1/sensors/' || r, 200, 50, 50, 1000"
    " FROM hour, generate_series(1, 10) AS r",
)


if __name__ == "__main__":
    main()
