"""A system with a wall clock a service, and a ledger of what its callers were answered while one or all were wrong."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from tests import local_http
from tests.against_the_log import GATES, verdicts
from tests.e2e.running import Distributed, eventually, judged
from tests.shims.wrong_clock import WrongClock

DAY = 86_400
DAY_LIMIT = 30
_ASKED = 5  # of each half of a case, of each of three services


class ClocksApart:
    def __init__(self, running: Distributed, clocks: Mapping[str, WrongClock]) -> None:
        self.running, self.stack, self._clocks = running, running.stack, clocks
        self._ids: list[str] = []
        self.counted_id, self._counted = self._made("admin", name="Counted")
        self.first = self.made_once()
        _, self._limited = self._made("sensors:read", name="Limited", limits={"day": DAY_LIMIT})
        _, self.ends = self._made("events:read", name="Ends", expires_in=30 * DAY)
        self.asked, self.admitted = 0, Counter[int]()

    def close(self) -> None:
        """Ends its keys: a tier allows so many."""
        with self.running.admin() as admin:
            for key_id in self._ids:
                judged(partial(admin.post, f"/v1/keys/{key_id}/revoke")).raise_for_status()

    def set_clocks(self, services: tuple[str, ...], wrong_by: int, *, at_start: bool) -> None:
        """`at_start`: they are started anew, and find it so."""
        for name in services:
            self._clocks[name].set(wrong_by)
        for name in services if at_start else ():
            self.stack.restart(name)
        if at_start:
            self.stack.wait_until_ready()

    def made_once(self) -> str:
        """The key that is asked for under one idempotency key, again and again."""
        body = {"name": "Once", "permissions": ["sensors:read"]}
        with self.running.admin() as admin:
            answer = judged(lambda: admin.post("/v1/keys", json=body, headers={"Idempotency-Key": "once"}))
        assert answer.status_code == 201, answer.text
        key_id: str = answer.json()["id"]
        return key_id

    def ask(self) -> None:
        paths = {"sensors": "/v1/sensors?limit=1", "keys": "/v1/keys/self"}
        paths["usage"] = f"/v1/keys/{self.counted_id}/usage?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"
        for service, path in paths.items():
            for _ in range(_ASKED):
                assert self._status(service, path, self._counted) == 200
                self.asked += 1
        for _ in range(_ASKED):
            admitted = self._status("sensors", "/v1/sensors?limit=1", self._limited)
            assert admitted in (200, 429)
            self.admitted[int(time.time() // DAY)] += admitted == 200

    def statuses(self, secret: str) -> set[int]:
        """What each gate that is fresh says of a key with events:read: 403 while it lives, 401 once it is dead."""

        def ask() -> set[int]:
            return {status for service in GATES for status in verdicts(self.stack, service, [secret])}

        return eventually(ask, lambda statuses: 503 not in statuses)

    def total(self) -> int:
        now = datetime.now(UTC)
        between = {"from": (now - timedelta(days=3)).isoformat(), "to": (now + timedelta(days=3)).isoformat()}
        with self.running.admin() as admin:
            told = judged(lambda: admin.get(f"/v1/keys/{self.counted_id}/usage", params=between | {"step": "day"}))
        return int(told.raise_for_status().json()["total"])

    def _status(self, service: str, path: str, secret: str) -> int:
        """Of a gate that is fresh: a busy machine's lose their lease now and then."""
        headers = {"Authorization": f"Bearer {secret}"}

        def ask() -> httpx.Response:
            return local_http.get(f"{self.stack.public_url(service)}{path}", headers=headers, timeout=30)

        return eventually(ask, lambda answer: answer.status_code != 503).status_code

    def _made(self, permission: str, **body: object) -> tuple[str, str]:
        with self.running.admin() as admin:
            made = judged(lambda: admin.post("/v1/keys", json={"permissions": [permission]} | body))
        key = made.raise_for_status().json()
        self._ids.append(key["id"])
        return key["id"], key["key"]
