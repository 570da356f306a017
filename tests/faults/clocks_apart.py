"""A system with a wall clock a service, and a ledger of what its callers were answered while one or all were wrong."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx

from tests import local_http
from tests.e2e.running import Distributed, eventually, judged
from tests.shims.wrong_clock import WrongClock

DAY = 86_400
DAY_LIMIT = 30
_ASKED = 5  # of each half of a case, of each of three services


class ClocksApart:
    def __init__(self, running: Distributed, clocks: Mapping[str, WrongClock]) -> None:
        self.running, self.stack, self._clocks = running, running.stack, clocks
        self.counted_id, self._counted = running.create_key("sensors:read", "usage:read")
        self.first = self.made_once()
        self._limited = self._made(name="Limited", limits={"day": DAY_LIMIT})
        self.ends = self._made(name="Ends", expires_in=30 * DAY)
        self.asked, self.admitted = 0, Counter[int]()

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
        """What each gate answers to the key."""
        paths = {"keys": "/v1/keys/self"}
        return {self._status(service, paths.get(service, "/v1/sensors"), secret) for service in self._clocks}

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

    def _made(self, **body: object) -> str:
        with self.running.admin() as admin:
            made = judged(lambda: admin.post("/v1/keys", json={"permissions": ["sensors:read"]} | body))
        secret: str = made.raise_for_status().json()["key"]
        return secret
