"""The feed over RPC: signed where a nonce was given; without one it is what it was, for older followers."""

from typing import Any

import msgspec
import pytest

from services.keys.service import KeysFeedService
from shared.contracts.errors import InvalidArguments
from shared.messaging.rpc import feed as rpc_feed
from shared.messaging.rpc.feed import RpcFeed
from shared.replication.feed import Acknowledgement, FeedUnavailable
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, MemoryLog, created

KEYS, FORGER = Signer(new_private_key()), Signer(new_private_key())


class Scene:
    """Calls go to the service's own method, as JSON; `spoil` may change its answer on the way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = MemoryLog(ManualClock(NOW))
        self.log.append(created(1), created(2))
        self.signer: Signer | None = KEYS
        self.recorded: list[Any] = []
        self.replayed: Any = None
        monkeypatch.setattr(rpc_feed, "call", self._call)

    def feed(self, *believed: Signer) -> RpcFeed:
        return RpcFeed("amqp://", "keys", Verifier([signer.public_key for signer in believed]) if believed else None)

    def _call(self, _uri: str, _service: str, method: str, *arguments: Any, **_options: Any) -> Any:
        service = KeysFeedService()
        vars(service).update(log=self.log, signer=self.signer, sender=None)
        given = msgspec.json.decode(msgspec.json.encode(arguments))
        self.recorded.append(msgspec.json.decode(msgspec.json.encode(getattr(service, method)(*given))))
        return self.replayed or self.recorded[-1]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_signed_and_unsigned_answers_say_the_same(scene: Scene) -> None:
    place, mine = scene.log.events[0].place, Acknowledgement(gate="gate_1", position=1)
    told = [scene.feed(*believed).pull(place, mine) for believed in ((), (KEYS,), (FORGER, KEYS))]
    assert [[event.position for event in page.events] for page in told] == [[2]] * 3
    assert scene.log.acknowledged == [mine] * 3
    assert ["events" in answer for answer in scene.recorded] == [True, False, False]


@pytest.mark.parametrize("signer", [FORGER, None], ids=["by another", "unsigned"])
def test_an_answer_that_nobody_believed_has_signed_is_none(scene: Scene, signer: Signer | None) -> None:
    scene.signer = signer
    with pytest.raises(FeedUnavailable, match="KEYS_VERIFY_KEYS"):
        scene.feed(KEYS).pull(None)


@pytest.mark.parametrize("answer", ["recorded", "older", "nonsense"])
def test_a_recorded_answer_or_another_form_is_none(scene: Scene, answer: str) -> None:
    scene.feed(KEYS).pull(None)
    scene.feed().pull(None)
    signed, unsigned = scene.recorded
    scene.replayed = {"recorded": signed, "older": unsigned, "nonsense": [7]}[answer]
    with pytest.raises(FeedUnavailable):
        scene.feed(KEYS).pull(None)


def test_keys_that_knows_no_nonce_yet_gives_no_answer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InvalidArguments("takes 2 arguments: after, acknowledgement")

    monkeypatch.setattr(rpc_feed, "call", refuse)
    with pytest.raises(FeedUnavailable):
        scene.feed(KEYS).pull(None)


@pytest.mark.parametrize("nonce", ["", "short", "x" * 65, "a b" * 8, 7])
def test_a_nonce_has_its_form(scene: Scene, nonce: object) -> None:
    with pytest.raises(InvalidArguments):
        scene._call("", "", "pull", None, None, nonce, seconds_max=1)
