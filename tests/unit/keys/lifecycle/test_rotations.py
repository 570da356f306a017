"""Rotations in any order, by a clock that goes back, too: how many secrets live until when, for key and gate."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.keys import events
from services.keys.lifecycle import key
from services.keys.lifecycle.commands import Command, EditKey, NewSecret, ResumeKey, RotateKey, SuspendKey
from services.keys.lifecycle.decision import KeyHasExpired, RegenerationRequired, decide
from services.keys.publication import publish
from shared.contracts import keys as public
from shared.gate.grants import grant
from tests.examples import KEY_ID, NOON, ORGANISATION_ID, key_created

DEAD, NEWEST = datetime.min.replace(tzinfo=NOON.tzinfo), datetime.max.replace(tzinfo=NOON.tzinfo)
ROTATE, INSTEAD, REGENERATE, UNUSED = "rotate", "instead", "regenerate", "unused"
STEPS = st.one_of(
    st.tuples(st.just(ROTATE), st.sampled_from([0, 2, 9])),
    st.tuples(st.just(INSTEAD), st.just(0)),
    st.tuples(st.sampled_from([REGENERATE, UNUSED, "suspend", "resume"]), st.just(0)),
    st.tuples(st.just("expiry"), st.integers(1, 30)),
)


class World:
    """One key as its service folds it, and as a gate does. `digests`: of all its secrets, oldest first."""

    def __init__(self) -> None:
        self.now, self.digests = NOON, ["secret 0"]
        self.key: Any = None
        self.grant: Any = None
        self.take(key_created(digest="secret 0", expires_at=NOON + timedelta(minutes=30)))

    def take(self, *happened: events.KeyEvent) -> None:
        for event in happened:
            self.key = key.evolve(self.key, event)
            told = publish(event)
            assert isinstance(told, public.KeyEvent)
            self.grant = grant.evolve(self.grant, told)

    def step(self, name: str, minutes: int) -> None:
        if name == UNUSED:
            if self.key.status(self.now) is key.Status.ACTIVE:
                self.take(
                    events.KeyExpired(
                        key_id=KEY_ID, organisation_id=ORGANISATION_ID, expired_at=self.now, reason="unused"
                    )
                )
            return
        secret = NewSecret(digest=f"secret {len(self.digests)}", hint="grl_1111…1111")
        commands: dict[str, Command] = {
            ROTATE: RotateKey(secret=secret, grace=timedelta(minutes=minutes)),
            INSTEAD: RotateKey(secret=secret, grace=timedelta(), instead=True),
            REGENERATE: EditKey(secret=secret),
            "suspend": SuspendKey(),
            "resume": ResumeKey(),
            "expiry": EditKey(access=key.Access(expires_at=self.now + timedelta(minutes=minutes))),
        }
        try:
            happened = decide(self.key, commands[name], self.now)
        except (KeyHasExpired, RegenerationRequired):
            return
        self.digests += [event.digest for event in happened if isinstance(event, events.KeyRotated)]
        self.take(*happened)

    def ends(self) -> dict[str, datetime]:
        """By the key: until when each secret would work if the key itself does."""
        known = {self.key.digest: NEWEST, self.key.previous_digest: self.key.grace_until}
        return {digest: known.get(digest, DEAD) for digest in self.digests}

    def accepted(self, at: datetime) -> set[str]:
        return {digest for digest in self.digests if self.grant.accepts(digest, at.timestamp())}


@given(st.lists(st.tuples(st.integers(-9, 4), STEPS), max_size=12))
def test_two_secrets_live_at_most_no_end_moves_later_and_the_gate_agrees(
    history: list[tuple[int, tuple[str, int]]],
) -> None:
    world = World()
    for pause, (name, minutes) in history:
        world.now += timedelta(minutes=pause)
        before, was_expired = world.ends(), world.key.has_expired(world.now)
        world.step(name, minutes)
        after = world.ends()
        for digest, end in before.items():
            assert after[digest] <= end, digest
        if name == INSTEAD and len(after) > len(before) and not was_expired:
            kept = {digest: end for digest, end in before.items() if world.now < end < NEWEST}
            assert {digest: after[digest] for digest in kept} == kept
            assert after[max(before, key=before.__getitem__)] == DEAD
        for later in range(12):
            at = world.now + timedelta(minutes=later)
            living = {digest for digest, end in after.items() if at < end}
            assert world.accepted(at) == living
            assert len(living) <= 2
