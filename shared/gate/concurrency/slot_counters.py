"""Client of the script of slots (redis_slots.lua): it knows its arguments and answers, not what they are for."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shared.gate.concurrency.held_slots import Answer, Statement
from shared.gate.redis_script import CALL_SECONDS_MAX, CountersUnavailable, GateUnknown, RedisScript

_SCRIPT = Path(__file__).with_name("redis_slots.lua").read_text()
# As the quota's: with its hash tag, and within what its account in Redis may touch.
_PREFIX = "{grillo:quota}:slots"
_RECORD, _GATES = f"{_PREFIX}:record", f"{_PREFIX}:gates"


class Joined(NamedTuple):
    """`continuity`: an id that changes when Redis has lost its data. `gate`: this gate's name there, until it leaves.

    `hold_seconds`: how long to stay on shares, because other gates may hold what is not known there yet.
    """

    continuity: str
    gate: str
    hold_seconds: float


class SlotCounters:
    """The script's three commands. Needs a lock between threads; all raise CountersUnavailable."""

    def __init__(self, url: str, lease_seconds: float, *, seconds_max: float = CALL_SECONDS_MAX) -> None:
        """`lease_seconds`: what a gate holds that was silent for so long is free."""
        self._redis, self._lease_ms = RedisScript(url, _SCRIPT, seconds_max=seconds_max), round(lease_seconds * 1000)

    def join(self, known: Joined | None) -> Joined:
        """Joins under a new name, connecting first if necessary. `known`: the last answer, if any."""
        if not self._redis.is_connected:
            self._redis.connect()
        gate, continuity = secrets.token_hex(8), known.continuity if known else ""
        reply = self._run((), "join", gate, continuity, secrets.token_hex(8))
        return Joined(continuity=reply[0].decode(), gate=gate, hold_seconds=reply[1] / 1000)

    def settle(self, joined: Joined, key_ids: Sequence[str], statements: Sequence[Statement]) -> list[Answer]:
        """Reports and asks; one answer for each key. Without keys it is a sign of life. Raises GateUnknown."""
        if not self._redis.is_connected:
            raise CountersUnavailable("not joined")
        arguments = [argument for statement in statements for argument in statement]
        reply = self._run(key_ids, "settle", joined.gate, joined.continuity, *arguments)
        if not reply:
            raise GateUnknown("Redis does not know this gate any more")
        return [Answer(reply[at], reply[at + 1]) for at in range(1, len(reply), 2)]

    def leave(self, joined: Joined) -> None:
        """What was held under that name is free."""
        if self._redis.is_connected:
            self._run((), "leave", joined.gate)

    def close(self) -> None:
        self._redis.close()

    def _run(self, key_ids: Sequence[str], command: str, gate: str, *arguments: object) -> Any:
        keys = (_RECORD, _GATES, *(f"{_PREFIX}:{key_id}" for key_id in key_ids))
        return self._redis.run(keys, command, self._lease_ms, gate, *arguments)
