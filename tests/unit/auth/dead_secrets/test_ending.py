"""Which secrets each event ends; and that a log put back to any place before wakes none, whatever comes then."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.auth.dead_secrets.ending import Dead, after_event, buried
from services.keys import events
from services.keys.lifecycle import key
from services.keys.lifecycle.commands import (
    Command,
    DeleteKey,
    EditKey,
    NewSecret,
    ResumeKey,
    RevokeKey,
    RotateKey,
    SuspendKey,
)
from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked, RegenerationRequired, decide
from services.keys.lifecycle.key import NoSuchKey, Reason
from services.keys.publication import publish
from shared.contracts.keys import KeyEvent
from shared.gate.grants import grant
from shared.gate.grants.grant import Grant
from tests.examples import KEY_ID, NOON, ORGANISATION_ID, key_created

HINT = "grl_1111…1111"
GRACE = timedelta(minutes=5)
STEPS = st.sampled_from(["rotate", "grace", "instead", "regenerate", "unused", "suspend", "resume", "revoke", "delete"])
TIMES = st.integers(0, 9).map(lambda minutes: timedelta(minutes=minutes))
LIVES = st.lists(st.tuples(STEPS, TIMES), max_size=12)


@dataclass
class Life:
    """A key as its service folds it, with what it tells: `told` are its public events."""

    now: datetime = NOON
    key: Any = None
    told: list[KeyEvent] = field(default_factory=list)
    kept: list[events.KeyEvent] = field(default_factory=list)
    secrets: int = 0

    def take(self, *happened: events.KeyEvent) -> None:
        for event in happened:
            self.key = key.evolve(self.key, event)
            public: Any = publish(event)
            self.told.append(public)
            self.kept.append(event)

    def step(self, name: str, later: timedelta) -> None:
        self.now += later + timedelta(microseconds=1)
        if name == "unused":
            if self.key.deleted_at is None and self.key.status(self.now) is key.Status.ACTIVE:
                self.take(
                    events.KeyExpired(
                        key_id=KEY_ID, organisation_id=ORGANISATION_ID, expired_at=self.now, reason="unused"
                    )
                )
            return
        self.secrets += 1
        secret = NewSecret(digest=f"{self.now:%H%M%S%f}-{self.secrets}", hint=HINT)
        commands: dict[str, Command] = {
            "rotate": RotateKey(secret=secret, grace=timedelta()),
            "grace": RotateKey(secret=secret, grace=GRACE),
            "instead": RotateKey(secret=secret, grace=timedelta(), instead=True),
            "regenerate": EditKey(secret=secret),
            "suspend": SuspendKey(),
            "resume": ResumeKey(),
            "revoke": RevokeKey(reason=Reason.UNSPECIFIED, note=None),
            "delete": DeleteKey(),
        }
        with contextlib.suppress(KeyHasExpired, RegenerationRequired, KeyIsRevoked, NoSuchKey):
            self.take(*decide(self.key, commands[name], self.now))

    def digests(self) -> list[str]:
        return [event.digest for event in self.kept if isinstance(event, events.KeyCreated | events.KeyRotated)]


def life(steps: list[tuple[str, timedelta]]) -> Life:
    lived = Life()
    lived.take(key_created(expires_at=None))
    for name, later in steps:
        lived.step(name, later)
    return lived


def followed(told: list[KeyEvent], dead: Dead, held: Grant | None = None) -> tuple[Grant, Dead]:
    for event in told:
        after = grant.evolve(held, event)
        dead, held = after_event(dead, held, after, event), after
    assert held is not None
    return held, dead


def accepted(held: Grant, digest: str, now: datetime) -> bool:
    works = held.status is grant.Status.ACTIVE and not held.suspended
    return works and held.accepts(digest, now.timestamp())


@given(LIVES)
def test_of_a_log_that_nobody_put_back_a_grant_is_what_it_says_however_often_it_is_followed(
    steps: list[tuple[str, timedelta]],
) -> None:
    told = life(steps).told
    for end in range(1, len(told) + 1):
        held, dead = followed(told[:end], {})
        assert buried(held, dead) == held
        assert followed(told[:end], dead) == (held, dead)


@given(LIVES, st.data(), LIVES)
def test_a_log_put_back_wakes_no_secret_that_was_ended(
    steps: list[tuple[str, timedelta]], data: st.DataObject, more: list[tuple[str, timedelta]]
) -> None:
    lived = life(steps)
    dead = followed(lived.told, {})[1]
    after_graces = lived.now + GRACE
    ended = {digest for digest, one in dead.items() if one.why != "suspended"}
    gone = lived.key.deleted_at or lived.key.revoked_at or lived.key.expired_at
    assert ended == set(lived.digests()) - (set() if gone else {lived.key.digest})

    place = data.draw(st.integers(1, len(lived.kept)))
    again = Life(now=after_graces)
    again.take(*lived.kept[:place])
    held, dead = followed(again.told, dead)
    held = buried(held, dead)
    is_suspended = lived.key.suspended_at is not None
    for name, later in [("wait", timedelta()), *more]:
        before = len(again.told)
        if name != "wait":
            again.step(name, later)
        held, dead = followed(again.told[before:], dead, held)
        is_suspended &= not any(type(event).__name__ == "KeyResumed" for event in again.told[before:])
        assert not [digest for digest in ended if accepted(held, digest, again.now)]
        assert not (is_suspended and accepted(held, lived.key.digest, again.now))
        assert ended <= dead.keys()


def test_each_ending_is_kept_with_its_time_and_the_hint_of_its_secret() -> None:
    minute = timedelta(minutes=1)
    lived = life([(name, minute) for name in ("grace", "suspend", "instead", "resume", "rotate", "unused", "revoke")])
    first, second, third, fourth = lived.digests()
    found = {digest: (one.why, one.at, one.hint) for digest, one in followed(lived.told, {})[1].items()}
    at = [event.time for event in map(_Timed, lived.kept)]
    first_hint = key_created().hint
    assert found == {
        first: ("rotated", at[5], first_hint),  # the rotation without grace ended the grace
        second: ("rotated", at[3], HINT),
        third: ("rotated", at[5], HINT),
        fourth: ("revoked", at[7], HINT),
    }
    assert found[first][1] < at[1] + GRACE


def test_a_grace_that_nobody_ends_ends_its_secret_at_its_end() -> None:
    lived = life([("grace", timedelta(minutes=1))])
    (one,) = followed(lived.told, {})[1].values()
    assert (one.why, one.at) == ("rotated", lived.key.grace_until)


def test_a_deletion_takes_the_hints_and_is_of_every_secret() -> None:
    lived = life([("rotate", GRACE), ("grace", GRACE), ("delete", GRACE)])
    found = followed(lived.told, {})[1]
    assert set(found) == set(lived.digests())
    assert {(one.why, one.hint, one.at) for one in found.values()} == {("deleted", None, lived.key.deleted_at)}


def test_a_resumption_that_a_log_repeats_ends_no_later_suspension() -> None:
    lived = life([(name, GRACE) for name in ("suspend", "resume", "suspend")])
    dead = followed(lived.told, {})[1]
    held, dead = followed(lived.told[:3], dead)
    assert (held.suspended, buried(held, dead).suspended) == (False, True)
    lived.step("resume", GRACE)
    assert followed(lived.told[4:], dead, held)[1] == {}


class _Timed:
    """An event's own moment."""

    def __init__(self, event: Any) -> None:
        names = [name for name in type(event).__slots__ if name.endswith("ed_at")]
        self.time: datetime = next(value for name in names if isinstance(value := getattr(event, name), datetime))


def test_moments_of_a_life_are_in_order() -> None:
    lived = life([("suspend", GRACE), ("resume", GRACE), ("revoke", GRACE)])
    assert all(one < other for one, other in pairwise(event.time for event in map(_Timed, lived.kept)))
