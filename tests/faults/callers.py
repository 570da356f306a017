"""Callers that read from every service, and make, revoke and delete keys, while services are replaced."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from operator import le
from typing import Any

import httpx

from tests import local_http
from tests.against_the_log import Log
from tests.e2e.running import System, eventually
from tests.stack import Stack

# Between the requests of one caller: each has a key of its own, within its limit of a minute.
_SECONDS, _LIFE_SECONDS = 0.22, 0.7
_READERS = 2
_ANSWERS_BETWEEN = 50
READ = ("/v1/keys?limit=1", "/v1/usage", "/v1/events?limit=1")


class Callers:
    """Some that read from each service, and one that makes, revokes and deletes keys, with the POST that no proxy may
    send twice. `answers`: request id → what was asked and answered; `metered`: the ids of those that a gate judged."""

    def __init__(self, system: System) -> None:
        self._url, self._over = system.url, threading.Event()
        self.answers: dict[str, str] = {}
        self.metered: set[str] = set()
        self.receipts: list[dict[str, Any]] = []
        self._numbers = count()
        asking: list[Callable[[httpx.Client], None]] = [self._life_of_a_key]
        asking += [self._verify, *map(self._reads, READ)] * _READERS
        self._pool = ThreadPoolExecutor(len(asking) + 1)
        self._callers = [
            self._pool.submit(self._go_on, ask, system.create_key("admin", "events:read")[1]) for ask in asking
        ]
        self._callers.append(self._pool.submit(self._go_on, self._page, None))

    def close(self) -> None:
        self._over.set()
        self._pool.shutdown()
        for caller in self._callers:
            caller.result()

    def go_on(self) -> None:
        """Returns when some more requests were answered."""
        eventually(lambda: len(self.answers), partial(le, len(self.answers) + _ANSWERS_BETWEEN))

    def lost_nothing(self, stack: Stack, log: Log) -> None:
        """No request failed or was refused, and each was counted once; no receipt waited for a gate's lease to end. All
        that follows the log has come to its end, and the log's hashes are right.
        """
        assert Counter(told for told in self.answers.values() if not told.endswith((": 200", ": 201"))) == {}
        # A gate that stops takes itself off the list.
        gates = [gate for receipt in self.receipts for gate in receipt["gates"]]
        assert [gate for gate in gates if "applied_ms" not in gate] == []
        counted = eventually(lambda: Counter(log.counted_requests()), lambda counted: self.metered <= counted.keys())
        assert {request_id: times for request_id, times in counted.items() if times > 1} == {}
        eventually(log.behind, lambda behind: behind == [])
        verified = stack.grillo("keys", "audit", "verify", "keys")
        assert verified.returncode == 0, verified.stdout + verified.stderr

    def _go_on(self, ask: Callable[[httpx.Client], None], key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with local_http.client(base_url=self._url, headers=headers, timeout=60) as client:
            while not self._over.wait(_SECONDS):
                ask(client)

    def _reads(self, path: str) -> Callable[[httpx.Client], None]:
        def read(client: httpx.Client) -> None:
            self._ask(client, "GET", path)

        return read

    def _verify(self, client: httpx.Client) -> None:
        key = client.headers["Authorization"].removeprefix("Bearer ")
        self._ask(client, "POST", "/v1/keys/verify", json={"key": key})

    def _page(self, client: httpx.Client) -> None:
        self._ask(client, "GET", "/problems/key-revoked", is_metered=False)

    def _life_of_a_key(self, client: httpx.Client) -> None:
        self._over.wait(_LIFE_SECONDS)
        made = self._ask(client, "POST", "/v1/keys", json={"name": "Short", "permissions": ["events:read"]})
        if made is not None and made.status_code == httpx.codes.CREATED:
            for method, path in (("POST", f"{made.json()['id']}/revoke"), ("DELETE", made.json()["id"])):
                ended = self._ask(client, method, f"/v1/keys/{path}")
                if ended is not None and ended.is_success:
                    self.receipts.append(ended.json()["receipt"])

    def _ask(self, client: httpx.Client, method: str, path: str, *, is_metered: bool = True, **body: Any) -> Any:
        """None when nothing was answered."""
        request_id = f"rolling-{next(self._numbers)}"
        try:
            answer = client.request(method, path, headers={"X-Request-Id": request_id}, **body)
        except httpx.HTTPError as error:
            self.answers[request_id] = f"{method} {path}: {error!r}"
            return None
        problem = "" if answer.is_success else f" {answer.text}"
        self.answers[request_id] = f"{method} {path.partition('?')[0]}: {answer.status_code}{problem}"
        if is_metered:
            self.metered.add(request_id)
        return answer
