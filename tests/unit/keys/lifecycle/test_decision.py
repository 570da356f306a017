"""What may happen to a key: given what happened, when this is asked, then that happens, or a refusal, or nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.keys import events
from services.keys.events import KeyCreated, KeyEvent, KeyRevoked
from services.keys.lifecycle import key
from services.keys.lifecycle.commands import (
    Command,
    CreateKey,
    DeleteKey,
    EditKey,
    NewSecret,
    ResumeKey,
    RevokeKey,
    RotateKey,
    SuspendKey,
)
from services.keys.lifecycle.decision import (
    AdminOfNetworks,
    KeyHasExpired,
    KeyIsRevoked,
    RegenerationRequired,
    decide,
    gained,
)
from services.keys.lifecycle.key import Access, Key, KeyExists, NoSuchKey, Reason, Status
from tests.examples import KEY_ID, NOON, ORGANISATION_ID, create_key, key_created, key_revoked

LATER = NOON + timedelta(hours=1)
IDS: dict[str, Any] = {"key_id": KEY_ID, "organisation_id": ORGANISATION_ID}
SECRET = NewSecret(digest="second digest", hint="grl_2222…2222")
CREATED = key_created()
REVOKE = RevokeKey(reason=Reason.KEY_COMPROMISE, note="sealed note")
ACCESS = Access(expires_at=CREATED.expires_at, allowed_addresses=("192.0.2.0/24",), minute_limit=30)
SUSPENDED = events.KeySuspended(**IDS, suspended_at=LATER)
EXPIRED = events.KeyExpired(**IDS, expired_at=LATER, reason="unused")
DELETED = events.KeyDeleted(**IDS, deleted_at=LATER)


def given(*history: KeyEvent) -> Key | None:
    state: Key | None = None
    for event in history:
        state = key.evolve(state, event)
    return state


def rotated(**changes: Any) -> events.KeyRotated:
    values = {**IDS, "digest": SECRET.digest, "hint": SECRET.hint, "grace_until": None, "rotated_at": LATER}
    return events.KeyRotated(**values | changes)


NEXT = {"digest": "third digest", "hint": "grl_3333…3333"}
INSTEAD = RotateKey(secret=NewSecret(digest="third digest", hint="grl_3333…3333"), grace=timedelta(), instead=True)


def access_changed(access: Access) -> events.KeyAccessChanged:
    values = {name: getattr(access, name) for name in Access.__slots__}
    return events.KeyAccessChanged(**IDS, **values, changed_at=LATER)


def permissions_changed(*permissions: str) -> events.KeyPermissionsChanged:
    return events.KeyPermissionsChanged(**IDS, permissions=permissions, changed_at=LATER)


HISTORY = (key_created(permissions=("events:read", "sensors:read")),)
GRACED = rotated(rotated_at=NOON + timedelta(minutes=1), grace_until=LATER + timedelta(hours=1))
EARLIER_END = Access(expires_at=LATER + timedelta(days=1), allow_query=False)


@pytest.mark.parametrize(
    ("history", "command", "expected"),
    [
        (HISTORY, EditKey(), ()),
        (HISTORY, EditKey(words="w"), (events.KeyDescribed(**IDS, words="w", described_at=LATER),)),
        (HISTORY, EditKey(permissions=("events:read",)), (permissions_changed("events:read"),)),
        (HISTORY, EditKey(permissions=("events:read", "sensors:read")), ()),
        (HISTORY, EditKey(access=EARLIER_END), (access_changed(EARLIER_END),)),
        (HISTORY, EditKey(access=ACCESS), ()),
        (HISTORY, EditKey(secret=SECRET), (rotated(),)),
        # The new secret comes first, so that no old one ever has the new power.
        (
            HISTORY,
            EditKey(permissions=("admin",), access=EARLIER_END, words="w", secret=SECRET),
            (
                rotated(),
                permissions_changed("admin"),
                access_changed(EARLIER_END),
                events.KeyDescribed(**IDS, words="w", described_at=LATER),
            ),
        ),
        (HISTORY, RotateKey(secret=SECRET, grace=timedelta()), (rotated(),)),
        (
            HISTORY,
            RotateKey(secret=SECRET, grace=timedelta(hours=2)),
            (rotated(grace_until=LATER + timedelta(hours=2)),),
        ),
        (HISTORY, RotateKey(secret=SECRET, grace=timedelta(days=365)), (rotated(grace_until=CREATED.expires_at),)),
        # What expired for want of use lives again with a new secret, and the old one stays asleep.
        (
            (*HISTORY, replace(EXPIRED, expired_at=NOON)),
            RotateKey(secret=SECRET, grace=timedelta(hours=2)),
            (rotated(),),
        ),
        # The answer with the newest secret was lost: another takes its place, and the one before works on as it did.
        (
            (*HISTORY, GRACED),
            INSTEAD,
            (rotated(**NEXT, previous_digest=CREATED.digest, previous_until=GRACED.grace_until),),
        ),
        # Without a running grace that is a rotation without one.
        (HISTORY, INSTEAD, (rotated(**NEXT),)),
        ((*HISTORY, replace(GRACED, grace_until=LATER)), INSTEAD, (rotated(**NEXT),)),
        # A secret that an expiry put to sleep stays asleep.
        ((*HISTORY, GRACED, replace(EXPIRED, expired_at=NOON + timedelta(minutes=2))), INSTEAD, (rotated(**NEXT),)),
        (HISTORY, SuspendKey(), (SUSPENDED,)),
        ((*HISTORY, SUSPENDED), SuspendKey(), ()),
        ((*HISTORY, replace(SUSPENDED, suspended_at=NOON)), ResumeKey(), (events.KeyResumed(**IDS, resumed_at=LATER),)),
        (HISTORY, ResumeKey(), ()),
        (
            (*HISTORY, replace(SUSPENDED, suspended_at=NOON)),
            RevokeKey(reason=Reason.KEY_COMPROMISE, note="sealed note"),
            (key_revoked(),),
        ),
        ((*HISTORY, key_revoked()), RevokeKey(reason=Reason.SUPERSEDED, note=None), ()),
        (HISTORY, DeleteKey(), (key_revoked(reason="unspecified", note=None), DELETED)),
        ((*HISTORY, key_revoked(revoked_at=NOON)), DeleteKey(), (DELETED,)),
    ],
)
def test_what_is_asked_happens_or_is_so_already(
    history: tuple[KeyEvent, ...], command: Command, expected: tuple[KeyEvent, ...]
) -> None:
    assert decide(given(*history), command, LATER) == expected


LONGER = Access(expires_at=NOON + timedelta(days=900))
ALL = (
    EditKey(words="w"),
    RotateKey(secret=SECRET, grace=timedelta()),
    SuspendKey(),
    ResumeKey(),
    RevokeKey(reason=Reason.SUPERSEDED, note=None),
    DeleteKey(),
)


@pytest.mark.parametrize("command", ALL[:4])
def test_nothing_revives_a_revoked_key(command: Command) -> None:
    with pytest.raises(KeyIsRevoked):
        decide(given(CREATED, key_revoked()), command, LATER)


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("history", [(), (CREATED, key_revoked(), DELETED)])
def test_a_deleted_key_is_as_unknown_as_one_that_never_was(history: tuple[KeyEvent, ...], command: Command) -> None:
    with pytest.raises(NoSuchKey):
        decide(given(*history), command, LATER)


@pytest.mark.parametrize(
    ("history", "command", "refusal"),
    [
        (HISTORY, EditKey(permissions=("admin",)), RegenerationRequired),
        (HISTORY, EditKey(permissions=("sensors:read", "config:write")), RegenerationRequired),
        ((*HISTORY, EXPIRED), EditKey(access=LONGER), RegenerationRequired),
        ((key_created(expires_at=LATER),), EditKey(access=LONGER), RegenerationRequired),
        ((key_created(expires_at=LATER),), EditKey(secret=SECRET), KeyHasExpired),
        ((key_created(expires_at=LATER),), RotateKey(secret=SECRET, grace=timedelta(days=1)), KeyHasExpired),
    ],
)
def test_what_would_give_power_to_an_old_secret_is_refused(
    history: tuple[KeyEvent, ...], command: Command, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        decide(given(*history), command, LATER)


def test_an_expired_key_lives_on_with_a_new_secret_and_a_later_expiry() -> None:
    history = (key_created(expires_at=LATER), events.KeyExpired(**IDS, expired_at=LATER, reason="time"))
    done = decide(given(*history), EditKey(access=LONGER, secret=SECRET), LATER)
    state = given(*history, *done)
    assert state is not None
    assert state.status(LATER) is key.Status.ACTIVE
    assert (state.digest, state.grace_until, state.revision) == (SECRET.digest, None, 4)


def test_after_a_clock_that_was_ahead_grace_and_expiry_go_by_the_time_there_is() -> None:
    created = key_created(created_at=NOON + timedelta(days=100), expires_at=NOON + timedelta(days=30))
    (rotated,) = decide(given(created), RotateKey(secret=SECRET, grace=timedelta(minutes=1)), LATER)
    assert isinstance(rotated, events.KeyRotated)
    assert rotated.grace_until == LATER + timedelta(minutes=1)
    assert rotated.rotated_at > created.created_at  # the order in its stream
    sooner = EditKey(access=Access(expires_at=NOON + timedelta(days=29)))
    assert decide(given(created, rotated), sooner, LATER)
    with pytest.raises(KeyHasExpired):
        decide(given(created, rotated), RotateKey(secret=SECRET, grace=timedelta()), NOON + timedelta(days=30))


def test_a_new_rotation_ends_an_earlier_grace() -> None:
    first = rotated(grace_until=LATER + timedelta(days=30))
    third = NewSecret(digest="third digest", hint="grl_3333…3333")
    (event,) = decide(given(CREATED, first), RotateKey(secret=third, grace=timedelta()), LATER)
    state = given(CREATED, first, event)
    assert state is not None
    assert (state.digest, state.grace_until) == ("third digest", None)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (("admin",), ("config:write", "events:read", "sensors:read"), ()),
        (("admin",), ("admin", "sensors:read"), ()),
        (("config:write", "events:read", "sensors:read"), ("admin",), ("admin",)),
        (("sensors:read",), ("events:read",), ("events:read",)),
    ],
)
def test_admin_opens_all_there_is(before: tuple[str, ...], after: tuple[str, ...], more: tuple[str, ...]) -> None:
    assert gained(before, after) == more


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (("net_1",), ("net_1", "net_2", "net_3"), "the networks net_2, net_3"),
        (("net_1",), ("net_2",), "the networks net_2"),
        (("net_1",), None, "all networks"),
        ((), None, "all networks"),
        (None, ("net_1",), None),
        (("net_1", "net_2"), ("net_2",), None),
    ],
)
def test_more_networks_need_a_new_secret_and_fewer_do_not(
    before: tuple[str, ...] | None, after: tuple[str, ...] | None, more: str | None
) -> None:
    state = given(key_created(networks=before))
    access = Access(expires_at=CREATED.expires_at, allowed_addresses=("192.0.2.0/24",), minute_limit=30, networks=after)
    if more is not None:
        with pytest.raises(RegenerationRequired, match=more):
            decide(state, EditKey(access=access), LATER)
    edited = decide(state, EditKey(access=access, secret=SECRET if more else None), LATER)
    *renewed, changed = edited
    assert isinstance(changed, events.KeyAccessChanged)
    assert changed.networks == after
    assert [type(event) for event in renewed] == ([events.KeyRotated] if more else []), "the new secret comes first"


def test_an_admin_key_is_bound_to_no_networks_however_it_would_come_to_be_so() -> None:
    bound = replace(ACCESS, networks=("net_1",))
    reader, admin = given(key_created(networks=("net_1",))), given(key_created(permissions=("admin",)))
    for state, command in (
        (None, create_key(permissions=("admin", "events:read"), networks=("net_1",))),
        (None, create_key(permissions=("admin",), networks=())),
        (reader, EditKey(permissions=("admin",), secret=SECRET)),
        (admin, EditKey(access=bound)),
    ):
        with pytest.raises(AdminOfNetworks):
            decide(state, command, LATER)
    freed = EditKey(permissions=("admin",), access=ACCESS, secret=SECRET)
    assert [type(event).__name__ for event in decide(reader, freed, LATER)] == [
        "KeyRotated",
        "KeyPermissionsChanged",
        "KeyAccessChanged",
    ]


def test_a_new_key_is_created_with_all_that_was_asked_for() -> None:
    command = create_key(permissions=("admin", "sensors:read"), allow_query=False, day_limit=500)
    assert decide(given(), command, NOON) == (
        key_created(permissions=("admin", "sensors:read"), allow_query=False, day_limit=500),
    )


@pytest.mark.parametrize("history", [(key_created(),), (key_created(), key_revoked())])
def test_an_id_is_used_once(history: tuple[KeyEvent, ...]) -> None:
    with pytest.raises(KeyExists):
        decide(given(*history), create_key(), NOON)


@pytest.mark.parametrize("reason", Reason)
def test_a_key_is_revoked_for_the_reason_given(reason: Reason) -> None:
    command = RevokeKey(reason=reason, note="sealed note")
    assert decide(given(key_created()), command, LATER) == (key_revoked(reason=reason.value),)


def test_a_key_that_has_expired_can_still_be_revoked() -> None:
    created = key_created(expires_at=NOON + timedelta(minutes=1))
    assert decide(given(created), REVOKE, LATER) == (key_revoked(),)


def test_a_key_that_was_never_created_cannot_be_revoked() -> None:
    with pytest.raises(NoSuchKey):
        decide(given(), REVOKE, LATER)


def test_a_revoked_key_is_not_revoked_again_whatever_the_reason() -> None:
    history = given(key_created(), key_revoked())
    assert decide(history, REVOKE, LATER) == ()
    assert decide(history, RevokeKey(reason=Reason.SUPERSEDED, note=None), LATER) == ()


@for_all(st.lists(st.sampled_from([create_key(), REVOKE, RevokeKey(reason=Reason.SUPERSEDED, note=None)])))
def test_whatever_is_asked_in_whatever_order_a_key_lives_once_and_never_returns(
    commands: list[CreateKey | RevokeKey],
) -> None:
    history: list[KeyEvent] = []
    for minutes, command in enumerate(commands):
        try:
            history += decide(given(*history), command, NOON + timedelta(minutes=minutes))
        except (KeyExists, NoSuchKey):
            continue
    assert [type(event) for event in history] in ([], [KeyCreated], [KeyCreated, KeyRevoked])
    state = given(*history)
    if state is not None and len(history) == 2:
        assert state.status(NOON) is Status.REVOKED
