"""What followers say that they hold is remembered, and so is what one of them does not know any more."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from services.keys import assembly
from services.keys.revocation.follower_places import (
    FollowerPlaces,
    forget_follower_places,
    read_follower_places,
)
from shared.replication.heads.held_heads import HeldHead, Remembered
from shared.replication.proof.signed_heads import SignedHead
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests.examples import NOON
from tests.service_database import migrated


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return migrated(Database.sqlite(tmp_path / "keys.db"), assembly.MIGRATIONS)


class Held(HeldHead):
    """With a head."""

    head: SignedHead


def held(minutes: float, follower: str = "usage.known_keys") -> Held:
    signed_at = rfc3339(NOON + timedelta(minutes=minutes))
    head = SignedHead(epoch="e", position=int(minutes), hash="a" * 64, signed_at=signed_at, signer="s", signature="x")
    return Held(follower=follower, head=head)


def remembered(database: Database) -> dict[str, tuple[int, bool]]:
    with database.reading() as tx:
        return {name: (place.position, place.lost is not None) for name, place in read_follower_places(tx).items()}


def test_the_newest_is_remembered_whichever_process_hears_what(database: Database) -> None:
    one, other = FollowerPlaces(database), FollowerPlaces(database)
    for process, minutes in ((one, 60), (other, 61), (one, 62), (other, 61), (one, 59)):
        process.hear(held(minutes), "usage")
    assert remembered(database) == {"usage.known_keys": (62, False)}


def test_of_one_that_was_put_back_it_is_noted_what_is_gone_until_that_is_accepted(database: Database) -> None:
    for minutes in (10, 90):
        FollowerPlaces(database).hear(held(minutes), None)
    late = replace(held(30), lost=held(31).head.signed_at)  # an answer from before the newest was heard
    for heard in (held(30), late):
        FollowerPlaces(database).hear(heard, None)
    assert remembered(database) == {"usage.known_keys": (90, False)}
    for heard in (replace(held(30), lost=held(90).head.signed_at), held(91), held(92)):
        FollowerPlaces(database).hear(heard, None)
    with database.reading() as tx:
        place = read_follower_places(tx)["usage.known_keys"]
    assert place.lost == (held(30).head.signed_at, held(90).head.signed_at)
    assert place.position == 92
    with database.transaction() as tx:
        forget_follower_places(tx)
    FollowerPlaces(database).hear(held(93), None)
    assert remembered(database) == {"usage.known_keys": (93, False)}


def test_clocks_of_several_hosts_do_not_make_an_earlier_place_the_newest(database: Database) -> None:
    """The later row was signed by a host whose clock is behind."""
    places = FollowerPlaces(database)
    earlier, later = held(60), held(59)
    later = replace(later, head=structs.replace(later.head, position=61))
    for heard in (earlier, later, earlier):
        places.hear(heard, None)
    place = places.remembered("usage.known_keys")
    assert place == Remembered(epoch="e", position=61, signed_at=later.head.signed_at)
    assert place.is_within(later.head)


@pytest.mark.parametrize(
    ("follower", "account"), [("auth.grants", "usage"), ("gate_1", None), ("usage.other", "usage")]
)
def test_nobody_speaks_for_another_s_follower_and_gates_hold_nothing(
    database: Database, follower: str, account: str | None
) -> None:
    FollowerPlaces(database).hear(held(5, follower), account)
    assert remembered(database) == {}
