"""`grillo up` on a machine whose clock is set wrong: nothing is lost, expired or admitted twice, and all is counted."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import httpx
import pytest

from services.usage.retention.retention import KEPT_DEFAULT
from tests.e2e.running import Embedded, System, eventually, grillo
from tests.faults.sampling import sampled
from tests.shims.wrong_clock import WrongClock

pytestmark = [pytest.mark.xdist_group("embedded"), pytest.mark.timeout(900)]
DAY = 86_400
LIMIT = 100  # a day
FIRST, MEANWHILE = 46, 10
HOURS = 7200  # more than whole days, so that the gate's time of day tells when it has heard


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WrongClock:
    made = WrongClock(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


class Ledger:
    """What one key was answered, by the day that it was where it asked."""

    def __init__(self, running: System, clock: WrongClock, to_noon: int) -> None:
        self.running, self._clock, self._to_noon = running, clock, to_noon
        with running.admin() as admin:
            body = {"name": "Reader", "permissions": ["sensors:read"], "limits": {"day": LIMIT}}
            made = admin.post("/v1/keys", json=body).raise_for_status().json()
            ends = {"name": "Ends", "permissions": ["sensors:read"], "expires_in": 30 * DAY}
            self.ends = admin.post("/v1/keys", json=ends).raise_for_status().json()
        self.key_id, self.secret = made["id"], made["key"]
        self.admitted: Counter[int] = Counter()
        self.refused = 0
        self._wrong_by = 0

    def set_clock(self, wrong_by: int) -> None:
        """And waits until the gate has been told the time."""
        self._wrong_by = wrong_by
        self._clock.set(self._to_noon + wrong_by)

    def wait_for_time(self) -> None:
        with self.running.admin() as admin:
            eventually(lambda: _time_left(admin), lambda left: abs(left - self._expected_left()) < 120, every=1)

    def ask(self, times: int) -> None:
        day = (self._time() // DAY).__floor__()
        with self.running.client(self.secret) as reader:
            for _ in range(times):
                answer = reader.get("/v1/sensors?limit=1")
                assert answer.status_code in (200, 429), answer.text
                self.admitted[day] += answer.status_code == 200
                self.refused += answer.status_code == 429

    def _time(self) -> float:
        return time.time() + self._to_noon + self._wrong_by

    def _expected_left(self) -> float:
        return DAY - self._time() % DAY


def _time_left(admin: httpx.Client) -> float:
    """Seconds to the gate's midnight."""
    policies = admin.get("/v1/organisation").headers["RateLimit"]
    return float(policies.split('"day"')[1].split("t=")[1].split(",")[0])


BY = (100 * DAY + HOURS, 3 * DAY + HOURS, 3600, -3600, -3 * DAY - HOURS, -100 * DAY - HOURS)


# What was found: one start 100 days ahead, by which all kept requests went; three days ahead and back while running.
FOUND = (100 * DAY + HOURS, True), (3 * DAY + HOURS, False)


@pytest.mark.parametrize(("wrong_by", "at_start"), sampled(list(product(BY, (True, False))), 3, *FOUND))
def test_what_a_wrong_clock_does_is_over_once_it_is_right(
    tmp_path: Path, clock: WrongClock, wrong_by: int, at_start: bool
) -> None:
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    to_noon = round((noon - now).total_seconds())
    clock.set(to_noon)
    data = tmp_path / "data"
    running = Embedded(data)
    try:
        ledger = Ledger(running, clock, to_noon)
        ledger.ask(FIRST)
        if at_start:
            running.stop()
            running.close()
        ledger.set_clock(wrong_by)
        if at_start:
            running = ledger.running = Embedded(data, admin_key=running.admin_key)
        ledger.wait_for_time()
        ledger.ask(MEANWHILE)
        is_over = wrong_by > 30 * DAY
        assert _status(ledger) == (401 if is_over else 200)
        if is_over and at_start:
            assert 'grillo_clock_in_doubt{service="usage"} 1.0' in running.metrics()
            assert "in doubt" in grillo("clock", "show", "--data", str(data)).stdout
        ledger.set_clock(0)
        ledger.wait_for_time()
        assert _status(ledger) == 200, "it expired for good"
        ledger.ask(LIMIT)
        assert max(ledger.admitted.values()) <= LIMIT
        assert sum(ledger.admitted.values()) == (LIMIT if abs(wrong_by) < DAY else LIMIT + MEANWHILE)
        # What is dated before the days of which records are kept is counted, and no record of it is.
        is_before_records = wrong_by < -KEPT_DEFAULT.raw_days * DAY
        _all_is_counted(running, ledger, noon, without_record=MEANWHILE if is_before_records else 0)
    finally:
        running.close()


def _status(ledger: Ledger) -> int:
    with ledger.running.client(ledger.ends["key"]) as ends:
        return ends.get("/v1/sensors?limit=1").status_code


def _all_is_counted(running: Embedded, ledger: Ledger, noon: datetime, *, without_record: int) -> None:
    asked = {"from": (noon - timedelta(days=109)).isoformat(), "to": (noon + timedelta(days=109)).isoformat()}

    def total() -> int:
        with running.admin() as admin:
            told = admin.get(f"/v1/keys/{ledger.key_id}/usage", params=asked | {"step": "day"})
        return int(told.raise_for_status().json()["total"])

    answered = sum(ledger.admitted.values()) + ledger.refused
    # No quicker: an admin key asks 300 times a minute.
    eventually(total, lambda count: count == answered, every=1)
    assert _kept(running, ledger.key_id) == answered - without_record, "the counters outlast the requests"


def _kept(running: Embedded, key_id: str) -> int:
    """How many requests the records stand for that are kept of the key."""
    kept, asked = 0, {"limit": "100"}
    with running.admin() as admin:
        while True:
            page = admin.get(f"/v1/keys/{key_id}/activity", params=asked).raise_for_status().json()
            kept += sum(int(entry["request"]["requests"]) for entry in page["data"] if entry["request"])
            if page["next_cursor"] is None:
                return kept
            asked["cursor"] = page["next_cursor"]
