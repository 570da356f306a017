"""Client of the quota script (redis_quota.lua): it knows the script's arguments and answers, not what they are for."""

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.gate.redis_script import CALL_SECONDS_MAX, CountersUnavailable, GateUnknown, RedisScript

_SCRIPT = Path(__file__).with_name("redis_quota.lua").read_text()
# Braces: a hash tag, so that one node of a Redis cluster keeps all keys.
_PREFIX = "{grillo:quota}"
_RECORD, _GATES = f"{_PREFIX}:record", f"{_PREFIX}:gates"
_RESULTS = 7
_SEEDS_A_CALL = 1_000


class Seeding(enum.IntEnum):
    """Whether Redis knows what keys have spent today (DONE); if not, whether this gate is to seed it (YOURS)."""

    WAIT = 0
    DONE = 1
    YOURS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The answer to joining. `continuity`: an id that changes when Redis has lost its data. `gate`: its number there.

    `hold_seconds`: how long to stay on shares, because other gates may have admitted what is not counted yet.
    """

    continuity: str
    gate: str
    hold_seconds: float
    seeding: Seeding


class Statement(NamedTuple):
    """A gate's report on one key, in the order of the script's arguments.

    `allowance`: requests it would like to admit without asking. `spent`, `spent_today`: admitted since its last report,
    for the minute and for the day `spent_day`. `is_spending`: it goes on spending while it waits for the answer.
    `asked_day`: it asks for one request on that day; -1: it only reports. Days are numbered; no day limit: -1.
    """

    minute_limit: int
    day_limit: int
    allowance: int
    spent: int
    spent_today: int
    spent_day: int
    is_spending: int
    asked_day: int


class Answer(NamedTuple):
    """The script's answer on one key. `standing`: the gate may spend its allowance. `minute`, `day`: of all gates."""

    admitted: int
    standing: int
    minute: int
    day: int
    oldest_leaves_ms: int
    wait_ms: int
    is_day_full: int


class RedisCounters:
    """The script's three commands: join, settle, seed. Needs a lock between threads; all raise CountersUnavailable."""

    def __init__(self, url: str, *, seconds_max: float = CALL_SECONDS_MAX) -> None:
        """`url`: redis://USER:PASSWORD@HOST:6379/0 (rediss:// for TLS). Nothing is connected yet."""
        self._redis = RedisScript(url, _SCRIPT, seconds_max=seconds_max)
        self._joined: Joined | None = None

    def join(self, known: Joined | None, *, starting: bool) -> Joined:
        """Joins the gates that this Redis counts, connecting first if necessary.

        `known`: the last answer, if any. `starting`: this gate has admitted nothing yet.
        """
        if not self._redis.is_connected:
            self._redis.connect()
        continuity, gate = (known.continuity, known.gate) if known else ("", "")
        reply = self._run((), "join", continuity, gate, secrets.token_hex(8), int(starting))
        self._joined = Joined(
            continuity=reply[0].decode(),
            gate=reply[1].decode(),
            hold_seconds=reply[2] / 1000,
            seeding=Seeding(reply[3]),
        )
        return self._joined

    def settle(self, key_ids: Sequence[str], statements: Sequence[Statement]) -> list[Answer]:
        """Reports and asks; one answer for each key. Without keys it is a sign of life. Raises GateUnknown."""
        joined = self._joined
        if joined is None or not self._redis.is_connected:
            raise CountersUnavailable("not joined")
        arguments = [argument for statement in statements for argument in statement]
        reply = self._run(key_ids, "settle", joined.continuity, joined.gate, *arguments)
        if not reply:
            raise GateUnknown("Redis does not know this gate any more")
        return [Answer._make(reply[at : at + _RESULTS]) for at in range(1, len(reply), _RESULTS)]

    def seed(self, day: int, spent_today: Sequence[tuple[str, int]]) -> None:
        """Raises the counts of a day to (key id, requests) of all gates, where Redis has less."""
        if self._joined is None:
            raise CountersUnavailable("not joined")
        for start in range(0, max(1, len(spent_today)), _SEEDS_A_CALL):
            part = spent_today[start : start + _SEEDS_A_CALL]
            is_last = start + _SEEDS_A_CALL >= len(spent_today)
            key_ids, counts = [key_id for key_id, _ in part], [count for _, count in part]
            self._run(key_ids, "seed", self._joined.continuity, day, int(is_last), *counts)

    def close(self) -> None:
        self._redis.close()

    def _run(self, key_ids: Sequence[str], *arguments: object) -> Any:
        return self._redis.run((_RECORD, _GATES, *(f"{_PREFIX}:{key_id}" for key_id in key_ids)), *arguments)
