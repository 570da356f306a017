"""A system of which every server and every host's clock can be put in trouble, and what its callers were answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg

from tests.e2e.running import Distributed, eventually, judged
from tests.faults.lines import Lines
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.small_disk import SmallDisk
from tests.shims.wrong_clock import WrongClock

REQUESTS = 10
NOT_FRESH = "gate-not-fresh"


@dataclass(kw_only=True)
class Trouble:
    """`disk`, `lines`: PostgreSQL's. `spool_disk`: of the gate of usage, and of all logs.

    `asked`: how often one key was answered, which is to be counted.
    """

    running: Distributed
    postgres: Postgres
    broker: RabbitMq
    redis: Redis
    disk: SmallDisk
    spool_disk: SmallDisk
    lines: Lines
    clocks: Mapping[str, WrongClock]
    asked: int = 0
    counted: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.counted, self._numbers = self.running.create_key("sensors:read"), count()

    def read(self) -> str:
        """The problem; "": none. What a gate that is not fresh refuses, or nginx by itself, is nobody's to count."""
        request_id = f"trouble-{next(self._numbers)}"
        with self.running.client(self.counted[1]) as reader:
            answer = reader.get("/v1/sensors?limit=1", headers={"X-Request-Id": request_id})
        problem = "" if answer.is_success else str(answer.json()["type"]).rpartition("/")[2]
        self.asked += answer.headers.get("X-Request-Id") == request_id and problem != NOT_FRESH
        return problem

    def read_all(self) -> None:
        """A busy machine's gates lose their lease now and then."""
        for _ in range(REQUESTS):
            assert eventually(self.read, lambda problem: problem != NOT_FRESH) == ""

    def is_refused(self) -> None:
        """By gates, once their lease has ended."""
        eventually(self.read, lambda problem: problem == NOT_FRESH, every=0.5)

    def end_a_key(self) -> Any:
        """The receipt, after which no gate takes the key."""
        key_id, secret = self.running.create_key("sensors:read")
        with self.running.admin() as admin:
            answer = judged(lambda: admin.post(f"/v1/keys/{key_id}/revoke"))
        assert answer.status_code == 200, answer.text
        receipt = answer.json()["receipt"]
        assert receipt["propagated"], receipt
        with self.running.client(secret) as ended:
            assert ended.get("/v1/sensors?limit=1").status_code in (401, 503)
        return receipt

    def is_over(self) -> None:
        """It came back without hands, and nothing that was answered is lost."""
        eventually(self.read, lambda problem: problem == "", every=0.5)
        eventually(self.end_a_key, lambda receipt: all("applied_ms" in gate for gate in receipt["gates"]))
        eventually(self.total, lambda total: total == self.asked, seconds=90, every=1)

    def total(self) -> int:
        with self.running.admin() as admin:
            told = judged(lambda: admin.get(f"/v1/keys/{self.counted[0]}/usage"))
        return int(told.raise_for_status().json()["total"])

    def as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.address(), autocommit=True)
