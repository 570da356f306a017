"""Callers that go on whatever breaks, and write down what they were told."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx

from tests import local_http
from tests.against_the_log import Log
from tests.e2e.running import System, eventually

_SECONDS_MAX = 15
# Between the requests of one caller. Both readers together ask more than the ten a second that their key may.
_READ_SECONDS, _TRY_SECONDS, _WRITE_SECONDS = 0.04, 0.1, 0.1


class Ledger:
    """`created` and `revoked` were answered. `sent`, `answered` and `unanswered` are request ids of reads, all of which
    begin with `name`. Those answered were let through: of what the gate refuses beyond ten a second only the number is
    kept. Those unanswered have no answer of a gate. `admitted_after_receipt` holds what must never happen: the reads
    let through with a key whose revocation had been answered before. `receipts`: of the revocations, in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.created: dict[str, str] = {}  # key id → secret
        self.revoked: dict[str, str] = {}
        self.receipts: list[dict[str, Any]] = []
        self.sent: set[str] = set()
        self.answered: set[str] = set()
        self.unanswered: list[str] = []
        self.admitted_after_receipt: list[str] = []
        self.statuses: dict[int, int] = {}


class Load:
    """Two callers that read, one that tries what was revoked, and where it `writes` one that creates and revokes.

    `with Load(system) as ledger:`
    """

    def __init__(self, system: System, *, seed: int, writes: bool = True) -> None:
        self._system, self._seed, self._writes = system, seed, writes
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="load")
        self._id, self._reader = system.create_key("events:read", name="Reader")
        self.ledger = Ledger(f"load-{self._id}")
        self.ledger.created[self._id] = self._reader

    def __enter__(self) -> Ledger:
        callers: list[Callable[[], None]] = [self._read, self._read, self._try_the_revoked]
        if self._writes:
            callers.append(self._write)
        self._running = [self._pool.submit(caller) for caller in callers]
        return self.ledger

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for caller in self._running:
            caller.result()
        self._pool.shutdown()

    def _write(self) -> None:
        chance = random.Random(self._seed)
        while not self._over.wait(_WRITE_SECONDS):
            created = self._ask("POST", "/v1/keys", json={"name": "Load", "permissions": ["events:read"]})
            if created is not None and created.status_code == httpx.codes.CREATED:
                body = created.json()
                self.ledger.created[body["id"]] = body["key"]
            alive = sorted(self.ledger.created.keys() - self.ledger.revoked.keys() - {self._id})
            if len(alive) < 3:
                continue
            key_id = chance.choice(alive)
            revoked = self._ask("POST", f"/v1/keys/{key_id}/revoke")
            if revoked is not None and revoked.status_code == httpx.codes.OK:
                self.ledger.revoked[key_id] = self.ledger.created[key_id]
                self.ledger.receipts.append(revoked.json()["receipt"])

    def _read(self) -> None:
        numbers = count()
        name = f"{self.ledger.name}-{threading.get_ident()}"
        while not self._over.wait(_READ_SECONDS):
            request_id = f"{name}-{next(numbers)}"
            self.ledger.sent.add(request_id)
            answer = self._ask("GET", "/v1/events", key=self._reader, request_id=request_id)
            # The gate's own answers: what nginx says while nobody is behind it has no id of ours.
            if answer is None or answer.headers.get("X-Request-Id") != request_id:
                self.ledger.unanswered.append(request_id)
            else:
                if answer.status_code == httpx.codes.OK:
                    self.ledger.answered.add(request_id)
                self.ledger.statuses[answer.status_code] = self.ledger.statuses.get(answer.status_code, 0) + 1

    def _try_the_revoked(self) -> None:
        chance = random.Random(self._seed + 1)
        while not self._over.wait(_TRY_SECONDS):
            revoked = sorted(self.ledger.revoked)
            if not revoked:
                continue
            key_id = chance.choice(revoked)
            answer = self._ask("GET", "/v1/events", key=self.ledger.revoked[key_id])
            if answer is not None and answer.status_code == httpx.codes.OK:
                self.ledger.admitted_after_receipt.append(key_id)

    def _ask(
        self, method: str, path: str, *, key: str | None = None, request_id: str | None = None, **body: Any
    ) -> Any:
        """None when the connection failed: nobody knows then what became of the request."""
        headers = {"Authorization": f"Bearer {key or self._system.admin_key}"}
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        try:
            return local_http.request(
                method, f"{self._system.url}{path}", headers=headers, timeout=_SECONDS_MAX, **body
            )
        except httpx.HTTPError:
            return None


def await_each_counted_once(log: Log, ledger: Ledger) -> None:
    """Answered in counted in sent, by request id. A dead process's spool is taken over within a minute."""
    counted = eventually(
        lambda: [request_id for request_id in log.counted_requests() if request_id.startswith(ledger.name)],
        lambda counted: ledger.answered <= set(counted),
        seconds=400,
        every=1,
    )
    assert set(counted) <= ledger.sent
    assert [request_id for request_id, times in Counter(counted).items() if times > 1] == []
