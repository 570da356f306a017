"""The witness of the log of sensors: what sensors signed it keeps, over a real internal door, and nothing else."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import pytest
from msgspec.structs import replace

from services.auth import assembly as auth_assembly
from services.auth import tables
from shared.eventsourcing.event_store import Head
from shared.observability import metrics
from shared.replication.heads.head_keeper import HeadKeeper, remote_head
from shared.replication.internal_client import InternalClient
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.replication.proof.signed_heads import HeadSigner, SignedHead
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.web.evidence.log_head import LogHead
from shared.web.internal_api import internal_application
from shared.web.requests.internal_callers import InternalCallers, digest_of_token
from shared.web.route import InternalRoute
from tests.examples import NOON
from tests.service_database import migrated

SIGNER = Signer(new_private_key())


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Sensors:
    """The internal door of sensors; `head`: what it answers."""

    def __init__(self) -> None:
        self.head: SignedHead | None = signed(1)
        tokens = [(name, digest_of_token(f"token of {name}")) for name in ("auth", "usage")]
        route = InternalRoute("/internal/head", LogHead(lambda: self.head), frozenset({"auth"}))
        app = internal_application([route], is_ready=lambda: True, callers=InternalCallers(tokens))
        self.server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keeper(self, database: Database, account: str = "auth") -> HeadKeeper:
        client = InternalClient(f"http://127.0.0.1:{self.server.server_port}", f"token of {account}")
        table = tables.metadata.tables["kept_head"]
        verifier = Verifier([SIGNER.public_key])
        return HeadKeeper("auth.sensors", database, table, remote_head(client, seconds_max=60), verifier)


def signed(position: int, signer: Signer = SIGNER, offered: int | None = None) -> SignedHead:
    """Position is minute, too."""
    clock = ManualClock(NOON + timedelta(minutes=position))
    return HeadSigner(signer, clock).latest(Head(epoch="e", position=position, hash=f"{position:064}"), offered)


@pytest.fixture
def sensors() -> Iterator[Sensors]:
    sensors = Sensors()
    yield sensors
    sensors.server.shutdown()
    sensors.server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = migrated(Database.sqlite(tmp_path / "auth.db"), auth_assembly.MIGRATIONS)
    yield database
    database.close()


def kept(keeper: HeadKeeper) -> list[int]:
    return [anchor.checkpoint.position for anchor in keeper.anchors()]


def test_what_is_signed_is_kept_once_and_whoever_looks_later_finds_it(sensors: Sensors, database: Database) -> None:
    keeper = sensors.keeper(database)
    for position in (1, 1, 4):
        sensors.head = signed(position)
        keeper.keep()
    assert kept(sensors.keeper(database)) == [1, 4]


def test_what_is_forged_or_altered_is_not_kept_and_is_counted(sensors: Sensors, database: Database) -> None:
    keeper, before = sensors.keeper(database), metrics.unproved.labels("head")._value.get()
    for head in (
        signed(2, Signer(new_private_key())),
        replace(signed(2), position=3),
        replace(signed(2), signature=""),
    ):
        sensors.head = head
        keeper.keep()
    assert kept(keeper) == []
    assert metrics.unproved.labels("head")._value.get() == before + 3


def test_a_service_that_signs_nothing_is_away_or_refuses_is_asked_again_later(
    sensors: Sensors, database: Database
) -> None:
    sensors.head = None
    sensors.keeper(database).keep()
    sensors.keeper(database, account="usage").keep()
    keeper = sensors.keeper(database)
    sensors.head = signed(3)
    keeper.keep()
    assert kept(keeper) == [3]


def test_an_answer_that_another_process_was_quicker_than_tells_of_nothing_gone_and_a_smaller_count_of_now_does(
    database: Database,
) -> None:
    answers = [signed(1, offered=120), signed(2, offered=100), signed(3, offered=130), signed(4, offered=90)]
    answers.append(signed(5, offered=91))
    table, asked = tables.metadata.tables["kept_head"], iter(answers)
    keeper = HeadKeeper("auth.sensors", database, table, lambda: next(asked), Verifier([SIGNER.public_key]))
    keeper.keep()
    keeper.keep()
    assert [(anchor.follower, anchor.offered) for anchor in keeper.anchors()] == [
        ("auth.sensors", 120),
        ("auth.sensors", 130),
    ]
    keeper.keep()
    told = {(anchor.follower, anchor.checkpoint.position): anchor.offered for anchor in keeper.anchors()}
    gone = ("auth.sensors put back", 3)
    assert told == {("auth.sensors", 1): None, ("auth.sensors", 3): None, ("auth.sensors", 5): 91, gone: 130}


def test_a_count_is_signed_and_a_head_without_one_is_signed_as_before() -> None:
    verifier = Verifier([SIGNER.public_key])
    counted, plain = signed(1, offered=7), signed(1)
    assert counted.is_signed(verifier)
    assert not replace(counted, offered=8).is_signed(verifier)
    assert not replace(counted, offered=None).is_signed(verifier)
    assert plain.is_signed(verifier)
    assert "offered" not in msgspec.json.encode(plain).decode()
