"""A web process's gate with everything around it made of twins, whose steps are written down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts.auth import AuthenticationFailed
from shared.contracts.usage import Spent
from shared.eventsourcing.event_store import Head
from shared.gate.gate_process import GateProcess, Hear
from shared.gate.metering.meter import Meter
from shared.replication.feed import Acknowledgement, FeedPage
from shared.replication.heads.held_heads import HeldHead
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import SystemClock
from tests.gate_examples import MemoryBus, MemoryLog, grant, snapshot_of


@dataclass
class Ears:
    """The listener, and what the test makes it hear."""

    key: Hear
    counted: Hear
    steps: list[str]

    def start(self) -> None:
        self.steps.append("listening")

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return True

    def stop(self) -> None:
        self.steps.append("deaf")


class Scene:
    def __init__(self, folder: Path, **different: Any) -> None:
        self.steps: list[str] = []
        self.clock = SystemClock()
        self.log, self.bus = MemoryLog(self.clock), MemoryBus()
        self.spent: tuple[Spent, ...] = ()
        self.told: list[AuthenticationFailed] = []
        self.meter = Meter(folder, self.bus, self.clock)
        self.process = GateProcess(
            gate_id="gate_1",
            feed=self._watched(),
            snapshot=lambda: snapshot_of(grant(1, day_limit=3), place=self.log.genesis),
            spent=self._ask_usage,
            listen=self._listen,
            meter=self.meter,
            clock=self.clock,
            lease_seconds=300,
            guesses_per_minute=2,
            tell=self._tell,
            **different,
        )

    def _tell(self, failed: AuthenticationFailed) -> None:
        if self.bus.is_away:
            raise BusUnavailable("away")
        self.told.append(failed)

    def counts_what_is_published(self, batch: bytes) -> None:
        self.steps.append("counted")
        body = msgspec.json.decode(batch)
        self.ears.counted([{"batches": [[body["segment"], body["start"]]]}])

    def _listen(self, key: Hear, counted: Hear) -> Ears:
        self.ears = Ears(key, counted, self.steps)
        return self.ears

    def _ask_usage(self) -> tuple[Spent, ...]:
        self.steps.append("asked what was spent")
        return self.spent

    def _watched(self) -> "_Watched":
        return _Watched(self.log.pull, self.steps)


@dataclass
class _Watched:
    answer: Callable[..., FeedPage]
    steps: list[str] = field(default_factory=list)

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        if "pulled" not in self.steps:
            self.steps.append("pulled")
        return self.answer(after, acknowledgement, held)
