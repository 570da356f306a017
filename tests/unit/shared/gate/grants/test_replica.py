"""How long grants may be trusted: only a pull renews the lease, and nothing is served from before a known moment."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from shared.contracts.keys import OrganisationRegistered
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot, Status
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import RESNAPSHOT_SECONDS, Replica
from shared.gate.verdict import Refusal, judge
from shared.replication.feed import Acknowledgement, FeedDiverged, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.subscription import Outcome
from shared.runtime.clock import ManualClock
from tests.gate_examples import (
    NOW,
    ORGANISATION,
    POLICY,
    MemoryLog,
    created,
    grant,
    presented,
    revoked,
    secret,
    snapshot_of,
)

LEASE = 10.0


class Scene:
    """A replica, the log it follows, and the snapshot it would be given."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.log = MemoryLog(self.clock)
        self.snapshot: Snapshot | None = snapshot_of(place=self.log.genesis)
        self.snapshots_taken = 0
        self.replica = Replica(
            gate="gate_1", feed=self.log, snapshot=self._take_snapshot, clock=self.clock, lease_seconds=LEASE
        )

    def judge(self, number: int = 1) -> Refusal | None:
        asked = presented(f"Bearer {secret(number)}")
        return judge(asked, "sensors:read", self.replica.grants, self.replica.time()).refusal

    def acknowledged(self) -> list[int]:
        return [acknowledgement.position for acknowledgement in self.log.acknowledged]

    def _take_snapshot(self) -> Snapshot:
        self.snapshots_taken += 1
        if self.snapshot is None:
            raise FeedUnavailable("auth is away")
        return self.snapshot


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_gate_is_not_fresh_before_its_first_pull_and_fresh_after(scene: Scene) -> None:
    assert not scene.replica.is_fresh()
    scene.replica.pull()
    assert scene.replica.is_fresh()


def test_freshness_ends_exactly_one_lease_after_the_last_pull_was_sent(scene: Scene) -> None:
    scene.replica.pull()
    scene.clock.advance(LEASE - 2**-10)
    assert scene.replica.is_fresh()
    scene.clock.advance(2**-10)
    assert not scene.replica.is_fresh()
    scene.replica.pull()
    assert scene.replica.is_fresh()


def test_operators_see_when_the_lease_ends_and_it_does_not_move_while_pulls_fail(scene: Scene) -> None:
    scene.replica.pull()
    ends_at = scene.clock.now().timestamp() + LEASE
    scene.clock.advance(LEASE)
    scene.log.is_away = True
    with pytest.raises(FeedUnavailable):
        scene.replica.pull()
    assert (
        REGISTRY.get_sample_value("grillo_gate_fresh_until_timestamp_seconds", {"gate": scene.replica.gate}) == ends_at
    )


def test_operators_see_how_many_keys_a_gate_knows_and_how_far_its_host_s_clock_is_off(scene: Scene) -> None:
    of_host = ManualClock(NOW + timedelta(seconds=90))
    replica = Replica(
        gate="gate_off", feed=scene.log, snapshot=lambda: snapshot_of(place=scene.log.genesis), clock=of_host
    )
    scene.log.append(created(1))
    replica.pull()
    told = [
        REGISTRY.get_sample_value(f"grillo_{name}", {"gate": "gate_off"})
        for name in ("gate_grants", "clock_offset_seconds")
    ]
    assert told == [1, 90]


def test_the_lease_runs_from_when_the_pull_was_sent_not_from_when_it_was_answered(scene: Scene) -> None:
    answer: Callable[..., FeedPage] = scene.log.pull

    def slowly(
        after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        scene.clock.advance(4)
        return answer(after, acknowledgement, held)

    scene.log.pull = slowly  # type: ignore[method-assign, assignment]  # the one slow network of these tests
    scene.replica.pull()
    scene.clock.advance(LEASE - 4.01)
    assert scene.replica.is_fresh()
    scene.clock.advance(0.01)
    assert not scene.replica.is_fresh()


def test_pushes_are_applied_but_never_renew_the_lease(scene: Scene) -> None:
    scene.replica.pull()
    scene.clock.advance(LEASE - 1)
    assert scene.replica.push(scene.log.append(created(1))) is Outcome.APPLIED
    assert scene.judge() is None
    scene.clock.advance(1)
    assert not scene.replica.is_fresh()


def test_not_even_a_push_that_makes_the_missing_events_be_pulled_renews_the_lease(scene: Scene) -> None:
    scene.replica.pull()
    scene.clock.advance(LEASE - 1)
    scene.log.append(created(1))
    assert scene.replica.push(scene.log.append(revoked(1))) is Outcome.PULLED
    assert scene.judge() is Refusal.KEY_REVOKED
    scene.clock.advance(1)
    assert not scene.replica.is_fresh()


def test_a_push_before_the_first_snapshot_is_left_to_the_pull(scene: Scene) -> None:
    event = scene.log.append(created(1))
    assert scene.replica.push(event) is Outcome.IGNORED
    assert len(scene.replica.grants) == 0
    scene.replica.pull()
    assert scene.judge() is None


def test_time_is_the_databases_as_of_the_last_pull_plus_what_has_elapsed(scene: Scene) -> None:
    scene.replica.pull()
    scene.clock.advance(3.5)
    assert scene.replica.time() == NOW.timestamp() + 3.5
    scene.log.is_away = True
    with pytest.raises(FeedUnavailable):
        scene.replica.pull()
    scene.clock.advance(1)
    assert scene.replica.time() == NOW.timestamp() + 4.5


def test_a_gate_says_how_far_it_is_after_each_pull_and_each_push(scene: Scene) -> None:
    scene.log.append(created(1), created(2))
    scene.replica.pull()
    assert scene.acknowledged() == [0, 2]
    scene.replica.push(scene.log.append(revoked(1)))
    assert scene.acknowledged() == [0, 2]  # the pull right behind the push tells it
    scene.replica.pull()
    assert scene.acknowledged() == [0, 2, 3]
    assert {acknowledgement.gate for acknowledgement in scene.log.acknowledged} == {"gate_1"}


def test_a_feed_that_fails_leaves_the_grants_and_lets_the_lease_run_out(scene: Scene) -> None:
    scene.log.append(created(1))
    scene.replica.pull()
    scene.log.is_away = True
    scene.clock.advance(LEASE - 1)
    with pytest.raises(FeedUnavailable):
        scene.replica.pull()
    assert scene.replica.is_fresh()
    assert scene.judge() is None
    scene.clock.advance(1)
    assert not scene.replica.is_fresh()


def test_without_a_snapshot_there_is_no_freshness_and_the_next_pull_asks_again(scene: Scene) -> None:
    scene.snapshot = None
    for _ in range(2):
        with pytest.raises(FeedUnavailable):
            scene.replica.pull()
    assert not scene.replica.is_fresh()
    scene.snapshot = snapshot_of(grant(), place=scene.log.genesis)
    scene.replica.pull()
    assert scene.replica.is_fresh()
    assert scene.snapshots_taken == 3


def test_an_event_that_does_not_apply_refuses_its_own_key_and_no_other(scene: Scene) -> None:
    scene.log.append(created(1), created(2))
    scene.log.append_raw("KeyRevoked", "key_1", {"key_id": "key_1", "revoked": "in a shape from the future"})
    scene.log.append(revoked(2), created(3))
    scene.replica.pull()
    assert [scene.judge(number) for number in (1, 2, 3)] == [Refusal.UNAVAILABLE, Refusal.KEY_REVOKED, None]


def test_a_revocation_of_a_key_that_was_never_created_does_not_stop_the_log(scene: Scene) -> None:
    scene.log.append(revoked(9), created(1))
    scene.replica.pull()
    assert scene.judge(1) is None
    assert scene.replica.is_fresh()


def test_a_refused_stream_is_mended_by_a_newer_snapshot_half_a_minute_later(scene: Scene) -> None:
    scene.log.append(created(1))
    bad = scene.log.append_raw("KeyRevoked", "key_1", {})
    scene.replica.pull()
    taken = scene.snapshots_taken
    scene.snapshot = snapshot_of(grant(status=Status.REVOKED), place=bad.place)
    for _ in range(int(RESNAPSHOT_SECONDS) - 1):
        scene.clock.advance(1)
        scene.replica.pull()
        assert scene.judge() is Refusal.UNAVAILABLE
    assert scene.snapshots_taken == taken
    scene.clock.advance(1)
    scene.replica.pull()
    assert scene.judge() is Refusal.KEY_REVOKED
    scene.clock.advance(RESNAPSHOT_SECONDS)
    scene.replica.pull()
    assert scene.snapshots_taken == taken + 1


def test_a_snapshot_that_says_what_is_parked_refuses_that_and_takes_the_rest(scene: Scene) -> None:
    place = scene.log.append(created(1), created(2)).place
    scene.snapshot = snapshot_of(grant(1), grant(2), place=place, unappliable=("key_1",))
    scene.replica.pull()
    assert [scene.judge(number) for number in (1, 2)] == [Refusal.UNAVAILABLE, None]


def test_a_snapshot_older_than_what_was_applied_brings_no_revoked_key_back(scene: Scene) -> None:
    """auth lags; half a minute after a refused stream the gate takes its snapshot, and then the feed fails."""
    scene.log.append(created(1), revoked(1))
    scene.log.append_raw("KeyRevoked", "key_2", {})
    scene.replica.pull()
    assert scene.judge() is Refusal.KEY_REVOKED
    scene.snapshot = snapshot_of(grant(1), place=scene.log.events[0].place)
    scene.clock.advance(RESNAPSHOT_SECONDS - 1)
    scene.replica.pull()
    scene.clock.advance(1)
    scene.log.is_away = True
    with pytest.raises(FeedUnavailable):
        scene.replica.pull()
    assert scene.judge() is Refusal.KEY_REVOKED or not scene.replica.is_fresh()
    scene.log.is_away = False
    scene.replica.pull()
    assert scene.replica.is_fresh()
    assert scene.judge() is Refusal.KEY_REVOKED


def test_another_log_in_the_place_of_the_one_followed_is_not_trusted_before_it_is_caught_up_with(scene: Scene) -> None:
    """After a restore the snapshot may be older than what this gate had applied and acknowledged."""
    scene.log.append(created(1), revoked(1))
    scene.replica.pull()
    scene.log.epoch, scene.log.events = "epoch-2", []
    scene.log.append(created(1))
    answer: Callable[..., FeedPage] = scene.log.pull
    seen: list[bool] = []

    def watched(
        after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        seen.append(scene.judge() is None and scene.replica.is_fresh())
        return answer(after, acknowledgement, held)

    scene.log.pull = watched  # type: ignore[method-assign, assignment]  # looks at the gate in the middle of its pull
    scene.snapshot = snapshot_of(grant(1), place=scene.log.genesis)
    scene.replica.pull()
    assert seen == [False, False, False]
    assert scene.replica.is_fresh()
    assert scene.judge() is None


def test_a_log_that_was_put_back_ends_the_lease_at_once_and_leaves_the_grants_as_they_are(scene: Scene) -> None:
    scene.log.append(created(1))
    scene.replica.pull()
    answer: Callable[..., FeedPage] = scene.log.pull
    taken = scene.snapshots_taken
    diverged = FeedPage(events=(), head=scene.log.genesis, time=NOW, diverged=True, log_diverged=True)
    scene.log.pull = lambda *_: diverged  # type: ignore[method-assign]
    with pytest.raises(FeedDiverged):
        scene.replica.pull()
    assert (scene.replica.is_fresh(), scene.replica.is_log_diverged) == (False, True)
    assert (len(scene.replica.grants), scene.snapshots_taken) == (1, taken)
    scene.log.is_away = True
    scene.log.pull = answer  # type: ignore[method-assign]
    with pytest.raises(FeedUnavailable):
        scene.replica.pull()
    assert scene.replica.is_log_diverged  # it was, as far as anybody knows
    scene.log.is_away = False
    scene.replica.pull()
    assert (scene.replica.is_fresh(), scene.replica.is_log_diverged) == (True, False)


def test_each_pull_names_the_newest_signed_head_that_was_answered(scene: Scene) -> None:
    answer: Callable[..., FeedPage] = scene.log.pull
    named: list[HeldHead | None] = []
    head = SignedHead(epoch="epoch-1", position=1, hash="h", signed_at="2026", signer="s", signature="x")

    def signing(
        after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        named.append(held)
        return replace(answer(after, acknowledgement), signed_head=head if len(named) == 1 else None)

    scene.log.pull = signing  # type: ignore[method-assign, assignment]
    for _ in range(3):
        scene.replica.pull()
    assert named == [None, *[HeldHead(follower="gate_1", head=head)] * 2]


def test_an_organisation_that_registers_later_has_its_tier(scene: Scene) -> None:
    scene.snapshot = Snapshot(place=scene.log.genesis, grants=(), tiers={}, policy=POLICY)
    scene.log.append(created(1))
    scene.replica.pull()
    assert scene.judge() is Refusal.UNAVAILABLE
    scene.replica.push(scene.log.append(OrganisationRegistered(organisation_id=ORGANISATION, tier="free")))
    assert scene.judge() is None


def test_loading_a_snapshot_never_shows_a_parked_key_as_trusted_in_between() -> None:
    """The request threads read while the replica's thread loads, one assignment after the other."""
    grants, looks = Grants(), []

    def look() -> tuple[bool, bool]:
        """Whether the key is there, and whether it is trusted."""
        held = grants.by_digest(grant().digest)
        return held is not None, held is not None and not grants.is_unappliable(held)

    class Parked(tuple[str, ...]):
        """Looks at the replica whenever it is read, which is between the assignments."""

        __slots__ = ()

        def __iter__(self) -> Iterator[str]:
            looks.append(look())
            return super().__iter__()

    grants.load(snapshot_of(grant(), unappliable=Parked(("key_1",))))
    assert looks == [(False, False), (True, False)], "seen before the snapshot's grants are there, and after"
    grants.load(snapshot_of(grant()))
    assert look() == (True, True)


def test_the_thread_pulls_again_after_whatever_went_wrong() -> None:
    """Runs the real thread: a pull that breaks in an unforeseen way must not be its last."""
    clock = ManualClock(NOW)
    log = MemoryLog(clock)
    pulls = iter([RuntimeError("unforeseen"), FeedUnavailable("away"), None])

    def snapshot() -> Snapshot:
        error = next(pulls, None)
        if error is not None:
            raise error
        return snapshot_of(place=log.genesis)

    replica = Replica(gate="gate_1", feed=log, snapshot=snapshot, clock=clock)
    replica.start()
    assert not replica.is_fresh()
    event = log.append(created(1))
    while not replica.is_fresh():
        replica.push(event)  # which wakes it; the test's own time limit is the deadline
    replica.stop()
    assert replica.grants.place == event.place


def test_a_pull_of_the_thread_that_fails_takes_nothing_from_the_lease(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.replica.start()
    failed = threading.Semaphore(0)

    def fail(*_: object) -> None:
        failed.release()
        raise FeedUnavailable("away")

    monkeypatch.setattr(scene.log, "pull", fail)
    event = scene.log.append(created(1))
    for _ in range(2):  # the second begins when the first is over
        scene.replica.push(event)
        failed.acquire()
    assert scene.replica.is_fresh()
    scene.replica.stop()
