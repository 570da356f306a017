"""Whether a system is whole, by a key that reads at a gate and others that are ended: at once, everywhere, counted."""

import time
from collections.abc import Callable
from itertools import count

from tests import local_http
from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually

RECOVERY_SECONDS_MAX = 30.0


class Wholeness:
    """Asks the gate of sensors."""

    def __init__(self, running: Distributed, log: Log) -> None:
        self._running, self._log, self._numbers = running, log, count()
        self._id, self._secret = running.create_key("events:read")

    def wait(self) -> float:
        """Until the gate serves, each gate hears of a revocation, and what is asked now is counted. In seconds."""
        began = time.monotonic()

        def within(read: Callable[[], bool]) -> None:
            left = began + RECOVERY_SECONDS_MAX - time.monotonic()
            eventually(read, bool, seconds=max(left, 0.1), every=0.5)

        within(lambda: self.status() == 200)
        within(lambda: all("applied_ms" in gate for gate in self._ended()[2]))
        last = f"{self._id}-{next(self._numbers)}"
        within(lambda: self.status(last) == 200)
        within(lambda: last in self._log.counted_requests())
        return time.monotonic() - began

    def end_a_key(self) -> tuple[str, str]:
        """(id, secret)"""
        key_id, secret, _ = self._ended()
        return key_id, secret

    def status(self, request_id: str = "") -> int:
        headers = {"Authorization": f"Bearer {self._secret}"} | ({"X-Request-Id": request_id} if request_id else {})
        url = self._running.stack.public_url("sensors")
        return local_http.get(f"{url}/v1/events", headers=headers, timeout=30).status_code

    def _ended(self) -> tuple[str, str, list[dict[str, object]]]:
        key_id, secret = self._running.create_key("events:read")
        with self._running.admin() as admin:
            answer = admin.post(f"/v1/keys/{key_id}/revoke")
        assert answer.status_code == 200, answer.text
        receipt = answer.json()["receipt"]
        assert receipt["propagated"], receipt
        return key_id, secret, receipt["gates"]
