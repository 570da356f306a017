"""Redis client of the quota script (redis_quota.lua): one connection, one script, one call at a time.

It knows the script's arguments and answers, not what they are for. It never repeats a call: whoever made it cannot
know whether it was counted, and must act on that.
"""

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

CALL_SECONDS_MAX = 0.25
_SCRIPT = Path(__file__).with_name("redis_quota.lua").read_text()
# Braces: on a Redis cluster all are kept by one node.
_PREFIX = "{grillo:quota}"
_RECORD, _GATES = f"{_PREFIX}:record", f"{_PREFIX}:gates"
_RESULTS = 7
_SEEDS_A_CALL = 1_000


class CountersUnavailable(Exception):
    """No answer: nothing can be said of what was counted."""


class GateUnknown(CountersUnavailable):
    """Redis answers, and does not know this gate: it must join again."""


class Seeding(enum.IntEnum):
    """Whether Redis knows what keys have spent today; if not, whether this gate is the one to tell it."""

    WAIT = 0
    DONE = 1
    YOURS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """`continuity` names what this Redis remembers: another one, and it has forgotten. `gate`: its number there."""

    continuity: str
    gate: str
    hold_seconds: float
    seeding: Seeding


class Statement(NamedTuple):
    """What a gate says of one key. The order is the script's.

    `allowance`: what it would like to spend without asking. `spent`, `spent_today`: since it last said so, for the
    minute and for the day `spent_day`. `is_spending`: it goes on spending its allowance while it waits for the answer.
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
    """`standing`: the gate may spend its allowance, from the whole of it. `minute`, `day`: counted by all gates."""

    admitted: int
    standing: int
    minute: int
    day: int
    oldest_leaves_ms: int
    wait_ms: int
    is_day_full: int


class RedisCounters:
    """Not to be shared between threads without a lock. Every method raises CountsAway."""

    def __init__(self, url: str, *, seconds_max: float = CALL_SECONDS_MAX) -> None:
        """`url`: redis://:PASSWORD@HOST:6379/0 (rediss:// for TLS). Nothing is connected yet."""
        # Here, for it takes a third of a second of every start, and most of what starts has no Redis.
        from redis.connection import ConnectionPool
        from redis.exceptions import RedisError

        self._faults = RedisError, OSError
        timeouts = {"socket_timeout": seconds_max, "socket_connect_timeout": seconds_max}
        self._pool: Any = ConnectionPool.from_url(url, protocol=2, **timeouts)
        self._connection: Any = None
        self._hash = ""
        self._joined: Joined | None = None

    def join(self, known: Joined | None, *, starting: bool) -> Joined:
        """Connects if need be. `known`: of the last time, if any. `starting`: this gate has admitted nothing yet."""
        if self._connection is None:
            self._connect()
        continuity, gate = (known.continuity, known.gate) if known else ("", "")
        told = self._run((), "join", continuity, gate, secrets.token_hex(8), int(starting))
        self._joined = Joined(
            continuity=told[0].decode(), gate=told[1].decode(), hold_seconds=told[2] / 1000, seeding=Seeding(told[3])
        )
        return self._joined

    def settle(self, key_ids: Sequence[str], statements: Sequence[Statement]) -> list[Answer]:
        """One answer for each. Without any key it only shows that this gate lives. Raises NotKnown."""
        joined = self._joined
        if joined is None or self._connection is None:
            raise CountersUnavailable("not joined")
        arguments = [argument for statement in statements for argument in statement]
        told = self._run(key_ids, "settle", joined.continuity, joined.gate, *arguments)
        if not told:
            raise GateUnknown("Redis does not know this gate any more")
        return [Answer._make(told[at : at + _RESULTS]) for at in range(1, len(told), _RESULTS)]

    def seed(self, day: int, spent_today: Sequence[tuple[str, int]]) -> None:
        """At least so much was spent on that day, by whoever did."""
        if self._joined is None:
            raise CountersUnavailable("not joined")
        for start in range(0, max(1, len(spent_today)), _SEEDS_A_CALL):
            part = spent_today[start : start + _SEEDS_A_CALL]
            is_last = start + _SEEDS_A_CALL >= len(spent_today)
            key_ids, counts = [key_id for key_id, _ in part], [count for _, count in part]
            self._run(key_ids, "seed", self._joined.continuity, day, int(is_last), *counts)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def _connect(self) -> None:
        connection = self._pool.make_connection()
        try:
            connection.connect()
            connection.send_command("SCRIPT", "LOAD", _SCRIPT)
            self._hash = connection.read_response().decode()
        except self._faults as error:
            connection.disconnect()
            raise CountersUnavailable(type(error).__name__) from error
        self._connection = connection

    def _run(self, key_ids: Sequence[str], *arguments: object) -> Any:
        keys = [f"{_PREFIX}:{key_id}" for key_id in key_ids]
        try:
            self._connection.send_command(
                "EVALSHA", self._hash, len(keys) + 2, _RECORD, _GATES, *keys, *arguments, check_health=False
            )
            return self._connection.read_response()
        except self._faults as error:
            # Never left to be connected anew in silence: what this Redis remembers must be asked first.
            self.close()
            raise CountersUnavailable(type(error).__name__) from error
