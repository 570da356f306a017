"""What time alone does to keys: warned once each of their expiry, expired once, and never for a silence of usage."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.keys.events import KeyAccessChanged, KeyDescribed, KeyEvent, KeyExpired, KeyExpiryNear
from services.keys.lifecycle import key
from services.keys.lifecycle.expiry import Use, age
from services.keys.lifecycle.key import Key
from tests.examples import KEY_ID, NOON, ORGANISATION_ID, key_created, key_revoked


def days(number: float) -> timedelta:
    return timedelta(days=number)


class Life:
    """A key that a timer looks at every hour."""

    def __init__(self, *history: KeyEvent, unused_days: int | None = None) -> None:
        self.state: Key | None = None
        self.unused_days = unused_days
        self.last_used_at: datetime | None = None
        self.happened: list[tuple[float, str, int]] = []
        self.known_until: datetime | None = None
        for event in history:
            self.state = key.evolve(self.state, event)

    def go_on(self, since: float, until: float, *, told: bool = True, used: bool = False) -> None:
        """From day to day after noon. `told`: whether usage tells of uses all the while."""
        for hour in range(round(since * 24), round(until * 24) + 1):
            now = NOON + timedelta(hours=hour)
            self.known_until = now if told else self.known_until
            self.last_used_at = now if used else self.last_used_at
            for event in age(self.state, self._use(), now):
                self.state = key.evolve(self.state, event)
                left = event.days_left if isinstance(event, KeyExpiryNear) else 0
                self.happened.append((hour / 24, type(event).__name__, left))

    def _use(self) -> Use:
        return Use(last_used_at=self.last_used_at, known_until=self.known_until, unused_expiry_days=self.unused_days)


def test_a_key_is_warned_of_14_3_and_1_days_before_once_each_and_then_expires_once() -> None:
    life = Life(key_created(expires_at=NOON + days(90)))
    life.go_on(0, 100)
    assert life.happened == [
        (76, "KeyExpiryNear", 14),
        (87, "KeyExpiryNear", 3),
        (89, "KeyExpiryNear", 1),
        (90, "KeyExpired", 0),
    ]


def test_a_timer_that_was_away_gives_the_nearest_warning_only() -> None:
    life = Life(key_created(expires_at=NOON + days(90)))
    life.go_on(88.5, 100)
    assert [event for _, *event in life.happened] == [["KeyExpiryNear", 3], ["KeyExpiryNear", 1], ["KeyExpired", 0]]


def test_what_was_short_from_the_beginning_is_no_news() -> None:
    life = Life(key_created(expires_at=NOON + days(2)))
    life.go_on(0, 3)
    assert life.happened == [(1, "KeyExpiryNear", 1), (2, "KeyExpired", 0)]


def test_another_expiry_is_warned_of_anew() -> None:
    life = Life(key_created(expires_at=NOON + days(20)))
    life.go_on(0, 18)
    access = {"allow_query": True, "allowed_addresses": (), "minute_limit": None, "day_limit": None}
    ids = {"key_id": KEY_ID, "organisation_id": ORGANISATION_ID}
    changed: dict[str, Any] = {**ids, **access, "expires_at": NOON + days(40), "changed_at": NOON + days(18)}
    life.state = key.evolve(life.state, KeyAccessChanged(**changed))
    life.go_on(18, 41)
    assert [left for _, _, left in life.happened] == [14, 3, 14, 3, 1, 0]


def test_a_revoked_key_neither_warns_nor_expires() -> None:
    life = Life(key_created(), key_revoked(), unused_days=7)
    life.go_on(0, 200)
    assert life.happened == []


def test_an_unused_key_is_warned_of_a_week_before_it_expires() -> None:
    life = Life(key_created(expires_at=None), unused_days=30)
    life.go_on(0, 40)
    assert life.happened == [(23, "KeyExpiryNear", 7), (30, "KeyExpired", 0)]


def test_a_setting_that_comes_late_still_leaves_a_week() -> None:
    life = Life(key_created(expires_at=None))
    life.go_on(0, 300)
    life.unused_days = 30
    life.go_on(300, 310)
    assert life.happened == [(300, "KeyExpiryNear", 7), (307, "KeyExpired", 0)]


def test_a_use_after_the_warning_begins_the_time_anew() -> None:
    life = Life(key_created(expires_at=None), unused_days=30)
    life.go_on(0, 25)
    life.go_on(26, 26, used=True)
    life.go_on(26, 60)
    assert [day for day, _, _ in life.happened] == [23, 26 + 23, 26 + 30]


def test_a_key_in_use_that_may_be_unused_for_a_week_alone_is_not_warned_of() -> None:
    """Each use would else be followed by a warning that says the same of a later day."""
    life = Life(key_created(expires_at=None), unused_days=7)
    life.go_on(0, 10, used=True)
    life.go_on(10, 20)
    assert life.happened == [(11, "KeyExpiryNear", 7), (18, "KeyExpired", 0)]


def test_a_silence_of_usage_expires_nothing() -> None:
    life = Life(key_created(expires_at=None), unused_days=30)
    life.go_on(0, 10)
    life.go_on(10, 300, told=False)
    assert life.happened == []


def test_a_clock_that_was_ahead_takes_no_warning_of_an_expiry_away() -> None:
    life = Life(key_created(created_at=NOON + days(100), expires_at=NOON + days(30)))
    life.go_on(0, 31)
    assert [(day, left) for day, _, left in life.happened] == [(16, 14), (27, 3), (29, 1), (30, 0)]


def test_a_clock_that_was_ahead_neither_defers_an_expiry_for_want_of_use_nor_its_next_warning() -> None:
    ids = {"key_id": KEY_ID, "organisation_id": ORGANISATION_ID}
    life = Life(
        key_created(expires_at=None), KeyDescribed(**ids, words="sealed", described_at=NOON + days(100)), unused_days=30
    )
    life.go_on(0, 24)
    life.go_on(25, 25, used=True)
    life.go_on(25, 60)
    assert [(day, left) for day, _, left in life.happened] == [(23, 7), (25 + 23, 7), (25 + 30, 0)]


@for_all(st.lists(st.tuples(st.floats(0, 120), st.booleans(), st.booleans()), max_size=30))
def test_no_key_expires_for_want_of_use_without_a_week_s_warning_and_none_twice(
    moments: list[tuple[float, bool, bool]],
) -> None:
    state = key.evolve(None, key_created(expires_at=None))
    used: datetime | None = None
    known: datetime | None = None
    log: list[KeyEvent] = []
    for day, is_used, is_told in sorted(moments):
        now = NOON + days(day)
        if any(_expired(log)):
            break  # gates refuse it: it is used no more
        used, known = (now if is_used else used), (now if is_told or is_used else known)
        for event in age(state, Use(last_used_at=used, known_until=known, unused_expiry_days=14), now):
            state = key.evolve(state, event)
            log.append(event)
    for expired in _expired(log):
        warnings = [event for event in log if isinstance(event, KeyExpiryNear)]
        assert expired.expired_at - warnings[-1].warned_at >= days(7)
        assert used is None or used <= warnings[-1].warned_at
    assert len(list(_expired(log))) <= 1


def _expired(log: list[KeyEvent]) -> Iterator[KeyExpired]:
    return (event for event in log if isinstance(event, KeyExpired))
