"""One service's clock set wrong among several, or all of them: no dead key is admitted, and what is answered counts."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import Distributed, eventually
from tests.faults.sampling import sampled
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.wrong_clock import WrongClock
from tests.stack import Stack

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]
SERVICES = ("keys", "auth", "usage", "sensors")
DAY = 86_400
BY = tuple(sign * seconds for seconds in (100 * DAY, 3 * DAY, 3600) for sign in (1, -1))
CASES = list(product((*((name,) for name in SERVICES), SERVICES), BY, (True, False)))
ASKED = 10  # of each half of a case, at each of three services
DAY_LIMIT = 60


class Scene:
    """A running system with a clock a service, and a ledger of what its callers were answered."""

    def __init__(self, running: Distributed, clocks: dict[str, WrongClock]) -> None:
        self.running, self.stack, self._clocks = running, running.stack, clocks
        self.counted_id, self._counted = running.create_key("sensors:read", "usage:read")
        with running.admin() as admin:
            self.first = self.made_once(admin)
            limited = {"name": "Limited", "permissions": ["sensors:read"], "limits": {"day": DAY_LIMIT}}
            ends = {"name": "Ends", "permissions": ["sensors:read"], "expires_in": 30 * DAY}
            self._limited, self.ends = (
                admin.post("/v1/keys", json=body).raise_for_status().json()["key"] for body in (limited, ends)
            )
        self.asked, self.admitted = 0, Counter[int]()

    def set_clocks(self, services: tuple[str, ...], wrong_by: int, *, at_start: bool) -> None:
        for name in services:
            self._clocks[name].set(wrong_by)
        for name in services if at_start else ():
            self.stack.restart(name)
        if at_start:
            self.stack.wait_until_ready()

    def made_once(self, admin: httpx.Client) -> str:
        body = {"name": "Once", "permissions": ["sensors:read"]}
        answer = admin.post("/v1/keys", json=body, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 201, answer.text
        key_id: str = answer.json()["id"]
        return key_id

    def ask(self) -> None:
        paths = {"sensors": "/v1/sensors?limit=1", "keys": "/v1/keys/self"}
        paths["usage"] = f"/v1/keys/{self.counted_id}/usage?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"
        for service, path in paths.items():
            with self._client(service, self._counted) as client:
                for _ in range(ASKED):
                    self.asked += client.get(path).raise_for_status().is_success
        with self._client("sensors", self._limited) as client:
            for _ in range(ASKED):
                admitted = client.get("/v1/sensors?limit=1").status_code
                assert admitted in (200, 429)
                self.admitted[int(time.time() // DAY)] += admitted == 200

    def statuses(self, secret: str) -> set[int]:
        """What each gate answers to the key."""
        found = set()
        for service in SERVICES:
            with self._client(service, secret) as client:
                found.add(client.get("/v1/keys/self" if service == "keys" else "/v1/sensors").status_code)
        return found

    def total(self) -> int:
        now = datetime.now(UTC)
        between = {"from": (now - timedelta(days=3)).isoformat(), "to": (now + timedelta(days=3)).isoformat()}
        with self.running.admin() as admin:
            told = admin.get(f"/v1/keys/{self.counted_id}/usage", params=between | {"step": "day"})
        return int(told.raise_for_status().json()["total"])

    def _client(self, service: str, secret: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.Client(base_url=self.stack.public_url(service), headers=headers, timeout=30)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMq) -> Iterator[Scene]:
    """One for all cases: a clock that was wrong must leave nothing behind that the next one trips over."""
    clocks = {name: WrongClock(tmp_path_factory.mktemp(name)) for name in SERVICES}
    also = {name: clock.environment for name, clock in clocks.items()}
    folder: Path = tmp_path_factory.mktemp("stack")
    with closing(Redis(folder)) as redis, closing(Stack(folder, postgres, rabbitmq, redis, also=also)) as stack:
        yield Scene(Distributed(stack), clocks)
        verified = stack.grillo("keys", "audit", "verify", "keys")
        assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize(
    ("services", "wrong_by", "at_start"),
    sampled(CASES, 5),
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_wrong_clock_of_a_service_ends_nothing_revives_nothing_and_all_is_counted(
    scene: Scene, services: tuple[str, ...], wrong_by: int, at_start: bool
) -> None:
    scene.set_clocks(services, wrong_by, at_start=at_start)
    with scene.running.admin() as admin:
        scene.ask()
        assert scene.statuses(scene.ends) == {200}, "gates judge by the log's time"
        revoked_id, revoked = scene.running.create_key("sensors:read")
        receipt = admin.post(f"/v1/keys/{revoked_id}/revoke").raise_for_status().json()["receipt"]
        assert receipt["propagated"], receipt
        assert scene.statuses(revoked) == {401}
        scene.set_clocks(services, 0, at_start=False)
        assert scene.statuses(revoked) == {401}
        assert scene.statuses(scene.ends) == {200}
        assert scene.made_once(admin) == scene.first, "what was asked once is not done twice"
    scene.ask()
    assert max(scene.admitted.values()) <= DAY_LIMIT
    eventually(scene.total, lambda total: total == scene.asked, every=1)
