"""Dead secrets in auth's database: kept through every reset, judged by at the log's head, and told to keys in pages."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from services.auth import tables
from services.auth.assembly import MIGRATIONS, Auth, assemble
from services.auth.grants import NotCaughtUp, settle
from services.auth.verification import verify
from shared.contracts.dead import DeadSecret
from shared.contracts.keys import KeyDeleted, KeyResumed, KeyRotated, KeySuspended, OrganisationRegistered
from shared.gate.authentication.credential import digest_of
from shared.gate.grants.grants import Grants
from shared.gate.verdict import judge
from shared.replication.feed import FeedPage, FeedUnavailable
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.gate_examples import NOW, ORGANISATION, MemoryLog, created, presented, revoked, secret
from tests.service_database import migrated

HOUR = timedelta(hours=1)


def ids(number: int) -> dict[str, Any]:
    return {"key_id": f"key_{number}", "organisation_id": ORGANISATION}


def rotated(key: int, number: int, **more: Any) -> KeyRotated:
    return KeyRotated(**ids(key), digest=digest_of(secret(number)), hint="grl_0000…0001", rotated_at=NOW, **more)


@pytest.fixture
def log(clock: ManualClock) -> MemoryLog:
    """Keys 1 to 5, then how each but the first was ended."""
    log = MemoryLog(clock)
    log.append(OrganisationRegistered(organisation_id=ORGANISATION, tier="free"))
    log.append(*(created(number) for number in range(1, 6)))
    log.append(revoked(2), rotated(3, 30), KeySuspended(**ids(4), suspended_at=NOW))
    log.append(KeyDeleted(**ids(5), deleted_at=NOW))
    return log


@pytest.fixture
def auth(database: Database, clock: ManualClock, log: MemoryLog) -> Auth:
    migrated(database, MIGRATIONS)
    auth = assemble(database, log, clock)
    auth.subscription.pull()
    return auth


def put_back(log: MemoryLog) -> None:
    """To when all five keys had just been made."""
    del log.events[6:]


def problems(auth: Auth, clock: ManualClock, *numbers: int) -> list[str | None]:
    """By RPC, which is what a gate with auth's snapshot says."""
    grants = Grants()
    grants.load(auth.book.snapshot())
    found = [verify(auth.book, clock, digest_of(secret(number))).problem for number in numbers]
    for number, problem in zip(numbers, found, strict=True):
        verdict = judge(presented(f"Bearer {secret(number)}"), None, grants, clock.now().timestamp())
        assert problem == (None if verdict.refusal is None else verdict.refusal.value)
    return found


def rows(auth: Auth) -> list[tuple[Any, ...]]:
    with auth.database.reading() as tx:
        both = (tables.grant, tables.dead_secret)
        return [tuple(row) for table in both for row in tx.execute(select(table).order_by(*table.primary_key))]


def test_a_replaced_secret_is_told_so(auth: Auth, clock: ManualClock) -> None:
    assert problems(auth, clock, 1, 2, 3, 30, 4, 5) == [
        *(None, "key-revoked", "key-rotated", None),
        *("key-suspended", "invalid-key"),
    ]


def test_what_was_ended_stays_so_when_the_log_was_put_back_to_before(
    auth: Auth, clock: ManualClock, log: MemoryLog
) -> None:
    put_back(log)
    auth.subscription.pull()
    assert problems(auth, clock, 1, 2, 3, 4, 5) == [
        *(None, "key-revoked", "key-expired"),  # a new secret ends it
        *("key-suspended", "invalid-key"),
    ]
    log.append(KeyResumed(**ids(3), resumed_at=NOW + HOUR), KeyResumed(**ids(4), resumed_at=NOW + HOUR))
    log.append(rotated(3, 31, grace_until=NOW + 24 * HOUR))
    auth.subscription.pull()
    assert problems(auth, clock, 3, 31, 4) == ["key-rotated", None, None]


def test_a_log_followed_once_more_leaves_the_same_rows(auth: Auth) -> None:
    before = rows(auth)
    auth.rebuild()
    assert rows(auth) == before


def test_while_a_log_is_followed_anew_grants_are_given_to_nobody(
    auth: Auth, clock: ManualClock, log: MemoryLog, database: Database
) -> None:
    """Half of the way key 2 is as good as it was before it was revoked."""

    class HalfWay(MemoryLog):
        def pull(self, *_: Any, **__: Any) -> FeedPage:
            page = log.pull(auth.follower.checkpoint(), events_max=4)
            if page.events[-1].position > 4:
                raise FeedUnavailable("away")
            return page

    half = assemble(database, HalfWay(clock), clock)
    with pytest.raises(FeedUnavailable):
        half.rebuild()
    settle(database, log.head)  # by another process, whose pull had reached the head just before
    with pytest.raises(NotCaughtUp):
        half.book.snapshot()
    with pytest.raises(NotCaughtUp):
        next(half.book.snapshot_blocks())
    for number in (1, 2, 99):
        assert verify(half.book, clock, digest_of(secret(number))).problem == "unavailable"
    auth.subscription.pull()
    assert problems(auth, clock, 1, 2) == [None, "key-revoked"]


def test_keys_is_told_page_by_page(auth: Auth) -> None:
    told: list[DeadSecret] = []
    after: str | None = None
    while not told or after is not None:
        page = auth.dead_secrets(after, 1)
        told += page.secrets
        after = page.next
    assert [(one.key_id, one.why, one.at) for one in sorted(told, key=lambda one: one.key_id)] == [
        ("key_2", "revoked", NOW),
        ("key_3", "rotated", NOW),
        ("key_4", "suspended", NOW),
        ("key_5", "deleted", NOW),
    ]
    assert {one.digest for one in told} == {digest_of(secret(number)) for number in (2, 3, 4, 5)}


def test_after_the_upgrade_the_log_is_followed_once_from_its_beginning(
    auth: Auth, clock: ManualClock, database: Database
) -> None:
    before = rows(auth)
    place = auth.follower.checkpoint()
    with database.transaction() as tx:
        for table in ("dead_secret", "follows_anew"):
            tx.execute(text(f"DROP TABLE {table}"))
        for table in ("grant", "checkpoint"):
            tx.execute(text(f'ALTER TABLE "{table}" DROP COLUMN checksum'))
        tx.execute(text("ALTER TABLE kept_head DROP COLUMN offered"))
        tx.execute(text("ALTER TABLE organisation_tier DROP COLUMN contract"))
        tx.execute(text("ALTER TABLE organisation_tier DROP COLUMN checksum"))
        tx.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    migrate(database, MIGRATIONS)
    assert auth.follower.checkpoint() is None
    assert place in [anchor.checkpoint for anchor in auth.follower.anchors()], "what was seen stays for audits"
    with pytest.raises(NotCaughtUp):
        auth.book.snapshot()
    auth.subscription.pull()
    assert rows(auth) == before
