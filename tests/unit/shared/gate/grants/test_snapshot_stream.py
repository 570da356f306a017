"""A snapshot arrives as it was sent, however it is cut on its way, or not at all."""

import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.snapshot_stream import Demand, Signing, StreamBroken, compressed, read, read_proved
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from tests.gate_examples import blocks_of, grant, snapshot_of

PLACE = Head(epoch="e", position=7, hash="h")
HELD = tuple(grant(number, hint="", minute_limit=number) for number in range(20))
SNAPSHOT = snapshot_of(*HELD, place=PLACE, unappliable=("key_3",))


def sent(snapshot: Snapshot = SNAPSHOT) -> bytes:
    return zlib.decompress(b"".join(compressed(blocks_of(snapshot))), wbits=31)


@given(cuts=st.lists(st.integers(0, len(sent())), max_size=20).map(sorted))
def test_a_snapshot_arrives_whole_wherever_its_blocks_are_cut(cuts: list[int]) -> None:
    text = sent()
    blocks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    packed = read(blocks)
    assert replace(packed.frame, grants=tuple(packed.grants)) == SNAPSHOT


@given(length=st.integers(0, len(sent()) - 1))
def test_a_snapshot_that_was_cut_off_is_none(length: int) -> None:
    with pytest.raises(StreamBroken):
        read([sent()[:length]])


def test_what_gates_have_no_use_for_stays_behind_and_what_many_share_is_held_once() -> None:
    told = replace(SNAPSHOT, grants=tuple(grant(number, permissions=frozenset({"admin"})) for number in range(3)))
    first, *others = read([sent(told)]).grants
    assert first.hint == ""
    assert {id(other.permissions) for other in others} == {id(first.permissions)}


def test_something_else_is_no_snapshot() -> None:
    with pytest.raises(StreamBroken):
        read([b"<html>\n\n"])


AUTH, FORGER = Signer(new_private_key()), Signer(new_private_key())
DEMAND = Demand(verifier=Verifier([AUTH.public_key]), nonce="of this question")


def signed(signer: Signer = AUTH, nonce: str = DEMAND.nonce) -> bytes:
    signing = Signing(signer=signer, nonce=nonce)
    return zlib.decompress(b"".join(compressed(blocks_of(SNAPSHOT), signing)), wbits=31)


SIGNED = signed()


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(SIGNED)), max_size=20).map(sorted))
def test_a_signed_snapshot_is_proved_wherever_its_blocks_are_cut(cuts: list[int]) -> None:
    blocks = [SIGNED[start:end] for start, end in zip([0, *cuts], [*cuts, len(SIGNED)], strict=True)]
    packed = read_proved(blocks, DEMAND)
    assert replace(packed.frame, grants=tuple(packed.grants)) == SNAPSHOT


@pytest.mark.parametrize(
    "text",
    [
        sent(),
        signed(FORGER),
        signed(nonce="of another question"),
        SIGNED.replace(b"key_3", b"key_4", 1),
        SIGNED[:-1],
        SIGNED + SIGNED[-89:],
        sent() + b"A" * 88 + b"\n",
        SIGNED[: len(sent())] + b"more\n\n" + SIGNED[len(sent()) :],
    ],
    ids=[
        "unsigned", "by another", "recorded", "altered", "cut off", "longer", "no signature", "words behind the end",
    ],
)  # fmt: skip
def test_what_auth_did_not_sign_for_this_question_is_no_snapshot(text: bytes) -> None:
    with pytest.raises(StreamBroken):
        read_proved([text], DEMAND)
