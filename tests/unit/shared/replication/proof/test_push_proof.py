"""What is given out of a bus that anybody writes to is genuine, whatever comes and in whatever order."""

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.envelope import CloudEvent
from shared.observability import metrics
from shared.replication.proof.push_proof import HELD_BYTES_MAX, HELD_MAX, HELD_SECONDS_MAX, PushProof
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.replication.proof.signed_pushes import BEFORE, SIGNATURE, bodies
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, MemoryLog, created

KEYS, FORGER = Signer(new_private_key()), Signer(new_private_key())
Body = dict[str, Any]


def proof(clock: ManualClock | None = None) -> PushProof:
    return PushProof(Verifier([KEYS.public_key]), clock or ManualClock(NOW))


def events(count: int, epoch: str = "epoch-1") -> list[CloudEvent]:
    log = MemoryLog(ManualClock(NOW), epoch)
    log.append(*map(created, range(count)))
    return [msgspec.json.decode(msgspec.json.encode(event), type=CloudEvent) for event in log.events]


def messages(page: list[CloudEvent], signer: Signer = KEYS) -> list[Body]:
    """As the bus delivers them."""
    return [json.loads(msgspec.json.encode(body)) for body in bodies(page, signer)]


def counted(kind: str) -> float:
    return float(metrics.unproved.labels(kind)._value.get())


def test_an_event_alone_and_a_page_are_given_out_with_their_signature_in_order() -> None:
    page = events(4)
    taking = proof()
    assert taking.take(messages(page[:1])[0]) == (page[0],)
    given_out = [taking.take(body) for body in messages(page[1:])]
    assert given_out == [(), (), tuple(page[1:])]


def test_only_the_last_of_a_page_is_signed() -> None:
    assert [SIGNATURE in body for body in messages(events(3))] == [False, False, True]


def test_the_last_is_proved_alone_and_what_comes_late_is_proved_when_it_comes() -> None:
    page = events(4)
    first, second, third, last = messages(page)
    taking = proof()
    assert taking.take(second) == ()
    assert taking.take(last) == (page[3],)
    assert taking.take(third) == (page[1], page[2])
    assert taking.take(first) == (page[0],)


def test_what_a_newer_keys_says_besides_is_covered_too() -> None:
    page = events(1)
    (body,) = messages(page)
    assert proof().take(body | {"comment": "one attribute more than was signed"}) == ()
    assert proof().take({**body, "data": {**body["data"], "day_limit": None, "more": 1}}) == ()


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "\ud800", 2**70, object()])
def test_a_value_that_json_cannot_say_stands_for_no_other(value: object) -> None:
    """Null, for one, which is how some encoders write infinity."""
    (body,) = messages(events(1))
    forged = body | {"data": body["data"] | {"day_limit": value}}
    assert [event.data["day_limit"] for event in proof().take(forged) if event.data] in ([], [None])


def deep(depth: int = 5000) -> Body:
    body: Body = {}
    for _ in range(depth):
        body = {"a": body}
    return body


NONSENSE: list[Callable[[Body], object]] = [
    lambda body: {name: value for name, value in body.items() if name not in (BEFORE, SIGNATURE)},
    lambda body: {name: value for name, value in body.items() if name != BEFORE},
    lambda body: body | {SIGNATURE: 7},
    lambda body: body | {SIGNATURE: "A" * 88},
    lambda body: body | {BEFORE: "00"},
    lambda body: body | {BEFORE: None},
    lambda body: body | {"data": deep()},
    lambda _body: None,
    lambda _body: [],
    lambda _body: "text",
    lambda _body: {1: 2},
]


@pytest.mark.parametrize("spoil", NONSENSE)
def test_whatever_is_not_proved_is_counted_and_raises_nothing(spoil: Callable[[Body], object]) -> None:
    (body,) = messages(events(1))
    before = counted("push")
    assert proof().take(spoil(body)) == ()
    assert counted("push") == before + 1


def test_what_waited_in_vain_is_dropped_and_counted() -> None:
    clock, page = ManualClock(NOW), events(2)
    taking, before = proof(clock), counted("push_unfinished")
    first, last = messages(page)
    taking.take(first)
    clock.advance(HELD_SECONDS_MAX)
    taking.expire()
    assert counted("push_unfinished") == before + 1
    assert taking.take(last) == (page[1],)


@pytest.mark.parametrize("count", [HELD_MAX, 3])
def test_a_flood_pushes_out_what_waits_and_takes_no_more_room(count: int) -> None:
    taking, before = proof(), counted("push_unfinished")
    padding = "x" * (HELD_BYTES_MAX // 3 if count == 3 else 0)
    page = events(2)
    first, last = messages(page)
    taking.take(first)
    for number in range(count):
        taking.take({BEFORE: "00" * 32, "number": number, "padding": padding})
    assert counted("push_unfinished") > before
    assert len(taking._held) <= HELD_MAX
    assert sum(len(held.told) for held in taking._held.values()) == taking._held_bytes <= HELD_BYTES_MAX
    assert taking.take(last) == (page[1],)


def test_without_a_verifier_everything_is_believed_as_before() -> None:
    page = events(1)
    (body,) = messages(page, FORGER)
    assert PushProof(None, ManualClock(NOW)).take(body) == (page[0],)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_given_out_is_genuine_and_in_a_true_bus_it_is_everything(seed: int) -> None:
    chance, clock = random.Random(seed), ManualClock(NOW)
    genuine = events(chance.randint(1, 25))
    published, rest = [], list(genuine)
    while rest:
        size = chance.randint(1, 6)
        published += messages(rest[:size])
        rest = rest[size:]
    is_true = chance.random() < 0.3
    heard = list(published) if is_true else _through_a_bad_bus(published, chance)
    forged = [_forgery(published, chance) for _ in range(chance.randint(0, 20))]
    for body in forged:
        heard.insert(chance.randint(0, len(heard)), body)
    taking = proof(clock)
    given_out = [event for body in heard for event in taking.take(body)]
    assert all(event in genuine for event in given_out)
    if is_true:
        assert sorted(event.position for event in given_out) == [event.position for event in genuine]


def _through_a_bad_bus(published: list[Body], chance: random.Random) -> list[Body]:
    heard = [body for body in published for _ in range(chance.choice((0, 1, 1, 2)))]
    for _ in range(chance.randint(0, len(heard))):
        one, other = chance.randrange(len(heard)), chance.randrange(len(heard))
        heard[one], heard[other] = heard[other], heard[one]
    return heard


def _forgery(published: list[Body], chance: random.Random) -> Body:
    """Made from what anybody can read on the bus: other words with a true proof, proofs exchanged, one's own."""
    body, other = chance.choice(published), chance.choice(published)
    changed = {"data": {"digest": "f" * 64}, "position": chance.randint(1, 30)}
    return chance.choice(
        (
            body | changed,
            body | changed | {SIGNATURE: other.get(SIGNATURE, "")},
            body | changed | {BEFORE: other[BEFORE]},
            messages(events(1, "forged"), FORGER)[0],
            body | {"subject": "key_of_another"} | {BEFORE: other[BEFORE], SIGNATURE: other.get(SIGNATURE)},
        )
    )
