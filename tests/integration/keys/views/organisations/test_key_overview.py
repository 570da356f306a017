"""Overview of an organisation's keys: on both databases it tells what a recount of all keys tells."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.keys import assembly
from services.keys.assembly import Keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason, Status
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.organisations.key_overview import LISTED_MAX, KeyOverview, key_overview
from services.keys.views.queries import KeyView
from shared.runtime.clock import ManualClock
from tests.examples import ORIGIN, NoBus
from tests.service_database import service_database

SOON, LONG, MAX_DAYS = timedelta(days=14), timedelta(days=90), 100


@pytest.fixture(params=["sqlite", "postgresql"])
def keys(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Keys]:
    is_sqlite = request.param == "sqlite"
    server = None if is_sqlite else request.getfixturevalue("postgres")
    database = service_database(server, tmp_path / "keys.db", assembly.MIGRATIONS)
    yield assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    database.close()


@pytest.fixture
def organisation_id(keys: Keys, clock: ManualClock) -> str:
    """With keys of each state and age, some used, some renewed; and another organisation beside it."""
    ours, others = (keys.commands.organisations.register(name, "standard", ORIGIN) for name in ("Ferrovie", "Bahn"))
    for days in (None, 10, 95, 100, 101, 102, 200, 400):
        for what in ("kept", "used", "rotated", "suspended", "revoked"):
            expires_at = None if days is None else clock.now() + timedelta(days=days)
            words = Description(name=f"{what} {days}")
            request = KeyRequest(description=words, permissions=("events:read",), expires_at=expires_at)
            key_id = keys.commands.create(ours, request, ORIGIN).key_id
            keys.commands.create(others, request, ORIGIN)
            clock.advance(1)
            if what == "suspended":
                keys.commands.suspend(ours, key_id, ORIGIN)
            elif what == "revoked":
                keys.commands.revoke(ours, key_id, Reason.SUPERSEDED, None, ORIGIN)
    clock.advance(timedelta(days=50).total_seconds())
    for key in keys.queries.all_keys(ours, KeyFilter(statuses=(Status.ACTIVE,))):
        if key.name.startswith("used"):
            keys.last_use.record({key.id: clock.now()})
        elif key.name.startswith("rotated"):
            keys.commands.rotate(ours, key.id, timedelta(), ORIGIN)
    clock.advance(timedelta(days=44).total_seconds())
    return ours


@pytest.mark.parametrize("lifetimes", [UNLIMITED, Lifetimes(max_days=MAX_DAYS)], ids=str)
def test_it_is_what_a_recount_of_all_keys_tells(
    keys: Keys, organisation_id: str, clock: ManualClock, lifetimes: Lifetimes
) -> None:
    told, now = _told(keys, organisation_id, clock, lifetimes), clock.now()
    everything = keys.queries.all_keys(organisation_id, KeyFilter())
    assert {status: count for status, count in told.by_status.items() if count} == Counter(
        key.status for key in everything
    )
    living = [key for key in everything if key.status in (Status.ACTIVE, Status.SUSPENDED)]
    expiring = [key for key in living if key.expires_at is not None and key.expires_at - now <= SOON]
    unused = [key for key in living if now - _used(key) > LONG]
    longest = timedelta(days=MAX_DAYS)
    beyond = [key for key in living if key.expires_at is None or key.expires_at - key.created_at > longest]
    for some, expected in (
        (told.expiring, expiring),
        (told.unused, unused),
        (told.beyond_lifetime, [] if lifetimes is UNLIMITED else beyond),
    ):
        assert some.count == len(expected)
        assert {named.id for named in some.listed} <= {key.id for key in expected}
        assert len(some.listed) == min(len(expected), LISTED_MAX)
        assert [named.at for named in some.listed] == sorted(
            (named.at for named in some.listed), key=lambda at: (at is None, at or now)
        )
    assert min(len(expiring), len(unused), len(beyond)) > 0


def _told(keys: Keys, organisation_id: str, clock: ManualClock, lifetimes: Lifetimes) -> KeyOverview:
    return key_overview(keys.database, organisation_id, lifetimes, clock.now(), expiring=SOON, unused=LONG)


def _used(key: KeyView) -> datetime:
    return max(filter(None, (key.last_used_at, key.rotated_at, key.created_at)))
