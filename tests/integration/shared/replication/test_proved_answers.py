"""Pulls over real HTTP: what keys answers to this very question is believed, and nothing else on the way."""

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
import pytest

from shared.gate.grants.grant import Snapshot
from shared.gate.grants.remote_snapshot import RemoteSnapshot
from shared.gate.grants.replica import Replica
from shared.observability import metrics
from shared.replication.feed import Acknowledgement, FeedUnavailable
from shared.replication.http_feed import HttpFeed
from shared.replication.internal_client import InternalClient
from shared.replication.proof.signatures import Signer, Verifier
from shared.replication.proof.signed_pages import SIGNATURE_HEADER, question, sign_page
from shared.runtime.clock import ManualClock
from shared.values.accounts import SERVICES
from shared.web.internal_api import FeedPages, GrantsSnapshot, internal_application
from shared.web.requests.internal_callers import InternalCallers, digest_of_token
from shared.web.route import InternalRoute
from tests.gate_examples import NOW, MemoryLog, blocks_of, created, grant, snapshot_of
from tests.receivers import Received, receiver, status

TOKEN = "token-of-the-door"
OLD, NEW, FORGER = (Signer(base64.b64encode(bytes([number]) * 32).decode()) for number in (1, 2, 3))
MINE = Acknowledgement(gate="gate_1", position=1)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Door:
    """A real internal door of keys and auth, signing as told."""

    def __init__(self, signer: Signer | None) -> None:
        self.clock = ManualClock(NOW)
        self.log = MemoryLog(self.clock)
        self.log.append(created(1), created(2))
        self.snapshot: Snapshot = snapshot_of(grant(1), place=self.log.events[0].place)
        routes = [
            InternalRoute("/internal/feed", FeedPages(self.log, signer), SERVICES),
            InternalRoute("/internal/grants", GrantsSnapshot(lambda: blocks_of(self.snapshot), signer), SERVICES),
        ]
        callers = InternalCallers([("sensors", digest_of_token(TOKEN))])
        app = internal_application(routes, is_ready=lambda: True, callers=callers)
        self._server: WSGIServer = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        self.client = InternalClient(f"http://127.0.0.1:{self._server.server_port}", TOKEN)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def feed(self, *believed: Signer) -> HttpFeed:
        return HttpFeed(self.client, self.clock, verifier=verifier(*believed))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def verifier(*believed: Signer) -> Verifier | None:
    return Verifier([signer.public_key for signer in believed]) if believed else None


@pytest.fixture
def opened() -> Iterator[Callable[[Signer | None], Door]]:
    doors: list[Door] = []

    def open_door(signer: Signer | None) -> Door:
        doors.append(Door(signer))
        return doors[-1]

    yield open_door
    for door in doors:
        door.close()


def unproved(kind: str) -> float:
    return float(metrics.unproved.labels(kind)._value.get())


@pytest.mark.parametrize(
    ("signer", "believed"),
    [(OLD, [OLD]), (OLD, [NEW, OLD]), (NEW, [NEW, OLD]), (OLD, []), (None, [])],
    ids=["one", "before", "and after a key is replaced", "older gate", "older keys"],
)
def test_an_answer_is_believed_by_who_knows_its_signer_or_demands_none(
    opened: Callable[[Signer | None], Door], signer: Signer | None, believed: list[Signer]
) -> None:
    door = opened(signer)
    place = door.log.events[0].place
    page = door.feed(*believed).pull(place, MINE)
    assert [event.position for event in page.events] == [2]
    assert [held.key_id for held in RemoteSnapshot(door.client, verifier(*believed))().grants] == ["key_1"]


@pytest.mark.parametrize("signer", [FORGER, None], ids=["by another", "unsigned"])
def test_what_nobody_believed_has_signed_is_no_answer_and_is_counted(
    opened: Callable[[Signer | None], Door], signer: Signer | None
) -> None:
    door, before = opened(signer), (unproved("pull"), unproved("snapshot"))
    with pytest.raises(FeedUnavailable, match="KEYS_VERIFY_KEYS"):
        door.feed(OLD, NEW).pull(None)
    with pytest.raises(FeedUnavailable):
        RemoteSnapshot(door.client, verifier(OLD, NEW))()
    assert (unproved("pull"), unproved("snapshot")) == (before[0] + 1, before[1] + 1)


def test_an_answer_to_any_other_question_is_none(opened: Callable[[Signer | None], Door]) -> None:
    """Recorded before, asked by another gate, or for another place; only to the very one it is."""
    door = opened(OLD)
    place = door.log.head
    page = msgspec.json.encode(door.log.pull(place))
    others = {
        "another nonce": lambda nonce: question("a" * 22, place, MINE),
        "another gate": lambda nonce: question(nonce, place, Acknowledgement(gate="gate_2", position=1)),
        "no gate": lambda nonce: question(nonce, place, None),
        "another place": lambda nonce: question(nonce, door.log.events[0].place, MINE),
        "no place": lambda nonce: question(nonce, None, MINE),
    }

    def answering(ask: Callable[[str], object]) -> Callable[[socket.socket, Received], None]:
        def answer(connection: socket.socket, asked: Received) -> None:
            nonce = parse_qs(urlsplit(asked.path).query)["nonce"][0]
            signature = sign_page(OLD, ask(nonce), page)  # type: ignore[arg-type]
            status(200, {SIGNATURE_HEADER: signature}, page)(connection, asked)

        return answer

    def pull(ask: Callable[[str], object]) -> bool:
        with receiver(answering(ask)) as served:
            feed = HttpFeed(InternalClient(served.url(""), TOKEN), door.clock, verifier=verifier(OLD))
            try:
                return feed.pull(place, MINE).events == ()
            except FeedUnavailable:
                return False

    assert [name for name, ask in others.items() if pull(ask)] == []
    assert pull(lambda nonce: question(nonce, place, MINE))


def test_a_forged_answer_renews_no_lease_and_a_forged_divergence_drops_nothing(
    opened: Callable[[Signer | None], Door],
) -> None:
    door = opened(FORGER)
    replica = Replica(
        gate="gate_1",
        feed=door.feed(OLD),
        snapshot=RemoteSnapshot(door.client, verifier(OLD)),
        clock=door.clock,
    )
    replica.grants.load(door.snapshot)
    held = replica.grants.state()
    door.log.epoch = "another"  # to which every place is of another log
    door.log.events.clear()
    with pytest.raises(FeedUnavailable):
        replica.pull()
    assert not replica.is_fresh()
    assert (replica.grants.state(), replica.grants.place) == (held, door.snapshot.place)
