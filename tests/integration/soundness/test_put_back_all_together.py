"""All databases put back together, under a gate that runs on: no disk tells of it, the gate's memory does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from falcon import testing

from services.keys.restoring.look import Memories, look_at
from shared.eventsourcing.epochs import LogDiverged
from shared.gate.gate import Gate
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.replication.feed import Acknowledgement, FeedDiverged, FeedPage
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead
from shared.web.application import application
from shared.web.route import Route
from tests.examples import ORIGIN
from tests.gate_examples import MemoryBus
from tests.integration.embedded.soundness.data_folder_world import REQUEST, SERVICES, World, found, put_back
from tests.integration.web.tiny import Things


@dataclass
class FeedOf:
    """Of keys, whichever process answers now: the gate is another one."""

    world: World

    def pull(
        self, after: object, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        return self.world.keys.feed.pull(after, acknowledgement, held)  # type: ignore[arg-type]


class Served:
    """A resource behind a gate of its own, in a process that nobody stops."""

    def __init__(self, world: World, spool: Path) -> None:
        self._world = world
        self.replica = Replica(
            gate="gate_1", feed=FeedOf(world), snapshot=lambda: world.auth.book.snapshot(), clock=world.clock
        )
        gate = Gate(self.replica, MemoryQuota(), Meter(spool, MemoryBus(), world.clock), world.clock)
        routes = [Route("/v1/things", Things())]
        self._app = application(
            "tiny", routes, gate, world.clock, public_url="https://api.example", is_ready=lambda: True
        )

    def pull(self) -> None:
        """And takes its place away, so that no command waits for it."""
        try:
            self.replica.pull()
        finally:
            self._world.keys.propagation.remove("gate_1")

    def answer(self, secret: str) -> tuple[int, str]:
        """(status, problem; empty: none)"""
        told = testing.TestClient(self._app).simulate_get("/v1/things", headers={"Authorization": f"Bearer {secret}"})
        return told.status_code, str(told.json.get("type", "")).rpartition("/")[2]


@dataclass
class PutBack:
    """`living`: a secret. `stolen`: one that was revoked, and is live in what was put back. `held`: by the gate."""

    world: World
    served: Served
    living: str
    stolen: str
    held: SignedHead


@pytest.fixture
def all_put_back(tmp_path: Path) -> Iterator[PutBack]:
    world = World(tmp_path / "data")
    served = Served(world, tmp_path / "spool")
    living, stolen = (
        world.keys.commands.create(world.organisation, REQUEST, ORIGIN, beyond_limit=True) for _ in range(2)
    )
    world.live(1)
    served.pull()
    older = world.copy(tmp_path / "older")
    world.revoke(stolen.key_id)
    world.live(1)
    served.pull()
    assert served.answer(living.secret.value) == (200, "")
    assert served.answer(stolen.secret.value) == (401, "key-revoked")
    held = served.replica._held()
    assert held is not None
    assert held.head is not None
    world.stop()
    for service in SERVICES:
        put_back(world.folder, service, older)
    assert found(world.folder) == []
    world.start()
    yield PutBack(world, served, living.secret.value, stolen.secret.value, held.head)
    world.stop()


def stand_still(world: World) -> None:
    world.follow()


def live_on(world: World) -> None:
    """To beyond where the gate is."""
    world.live()


@pytest.mark.parametrize("meanwhile", [stand_still, live_on])
def test_a_gate_that_runs_on_stops_all_and_what_it_held_is_named(
    all_put_back: PutBack, meanwhile: Callable[[World], None]
) -> None:
    world, served = all_put_back.world, all_put_back.served
    meanwhile(world)  # and none of the services sees anything in it
    assert not world.auth.following.is_log_diverged
    assert not world.usage.following.is_log_diverged

    with pytest.raises(FeedDiverged):
        served.pull()
    for secret in (all_put_back.living, all_put_back.stolen):
        assert served.answer(secret) == (503, "log-diverged")
    world.follow()
    assert world.auth.following.is_log_diverged
    assert world.usage.following.is_log_diverged
    with pytest.raises(LogDiverged):
        world.create()
    looked = look_at(world.keys.database, world.clock).look(Memories())
    assert looked.losses is not None
    assert looked.losses.newest == all_put_back.held
    world.stop()
    told = f"row {all_put_back.held.position} of its log: a gate or follower has seen"
    for _ in range(3):  # also when that gate is gone
        (fault,) = found(world.folder)
        assert fault.startswith(f"keys.sqlite: {told}")
        assert "grillo restore accept" in fault
        world.start()
        world.follow()
        world.stop()
    world.start()

    assert world.keys.acceptance is not None
    world.keys.acceptance.accept(Memories(), "a drill", ORIGIN)
    world.follow()
    served.pull()
    assert served.answer(all_put_back.living) == (200, "")
    world.create()
    assert found(world.folder) == []
