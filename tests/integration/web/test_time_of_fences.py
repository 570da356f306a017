"""Expiry where a change is committed: by the time of the log's database, as gates know it, not by the host's clock."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.runtime.clock import SystemClock
from tests.integration.web.management import Management, management


class WrongClock(SystemClock):
    """A host's clock that can be set."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.now = self._now

    def _now(self) -> datetime:
        return SystemClock.now() + self.ahead


@pytest.fixture
def clock() -> WrongClock:
    return WrongClock()


@pytest.fixture
def api(tmp_path: Path, clock: WrongClock) -> Iterator[Management]:
    api = management(tmp_path, clock=clock)
    yield api
    api.close()


def test_a_host_s_clock_that_is_ahead_expires_nobody(api: Management, clock: WrongClock) -> None:
    api.usage.subscription.pull()
    key = api.create(permissions=["admin"], expires_in=7200)["key"]
    clock.ahead = timedelta(hours=3)  # and not the database's, which is the system's
    assert api.ask("PATCH", "/v1/organisation", key=key, json={"unused_expiry_days": 30}).status_code == 200
    assert api.ask("POST", "/v1/alert-rules", key=key, json={"kind": "quota"}).status_code == 201
