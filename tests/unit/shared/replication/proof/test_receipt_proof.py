"""A receipt proves what it says and nothing else: one byte changed, and it proves nothing."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.eventsourcing.event_store import Head, StoredEvent, chained, genesis_hash
from shared.eventsourcing.event_types import Encoded
from shared.replication.proof.receipt_proof import (
    GateShown,
    NotProved,
    Place,
    ReceiptShown,
    base64url,
    form,
    from_base64url,
    proved,
    thumbprint,
    verified,
)
from shared.replication.proof.signatures import Signer

SIGNER, STRANGER = (Signer(base64.b64encode(bytes([number]) * 32).decode()) for number in (1, 2))
KEYS = {thumbprint(SIGNER.public_key): SIGNER.public_key}
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
EPOCH = "0" * 32

_texts = st.text(st.characters(codec="utf-8"), max_size=20)
_events = st.builds(lambda text: Encoded(type="KeyRevoked", schema_version=1, data=json.dumps(text)), _texts)
_gates = st.builds(
    lambda number, ms: (
        GateShown(id=f"gate_{number}", counted_out=True)
        if ms is None
        else GateShown(id=f"gate_{number}", applied_ms=ms)
    ),
    st.integers(0, 9),
    st.none() | st.integers(0, 20_000),
)


def _rows(events: list[Encoded]) -> tuple[StoredEvent, ...]:
    head = Head(epoch=EPOCH, position=40, hash=genesis_hash(EPOCH))
    return tuple(chained(head, "key_1", 1, events, '{"actor":"key_1"}', "2026-11-28T12:00:00.000000Z"))


def _receipt(events: list[Encoded], gates: list[GateShown], signer: Signer = SIGNER) -> dict[str, Any]:
    rows = _rows(events)
    place = Place(
        epoch=EPOCH,
        previous=genesis_hash(EPOCH) if rows else None,
        rows=rows,
        hash=rows[-1].hash if rows else genesis_hash(EPOCH),
    )
    receipt = ReceiptShown(position=40 + len(rows), propagated=True, elapsed_ms=12, gates=tuple(gates))
    return form(proved(receipt, place, signer, NOW))


receipts = st.builds(_receipt, st.lists(_events, max_size=3), st.lists(_gates, max_size=3))


@settings(max_examples=1000, deadline=None)
@given(receipt=receipts, data=st.data())
def test_a_receipt_is_proved_and_with_one_byte_changed_it_is_not(receipt: dict[str, Any], data: st.DataObject) -> None:
    text = msgspec.json.encode(receipt)
    assert form(verified(msgspec.json.decode(text), KEYS)[0]) == receipt
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    altered = text[:place] + bytes([byte]) + text[place + 1 :]
    with pytest.raises((NotProved, msgspec.DecodeError, UnicodeDecodeError)):
        verified(msgspec.json.decode(altered), KEYS)


def _without_proof(receipt: dict[str, Any]) -> dict[str, Any]:
    return receipt | {"proof": None}


def _with_more(receipt: dict[str, Any]) -> dict[str, Any]:
    rows = [row | {"note": "more"} for row in receipt["proof"]["rows"]]
    return receipt | {"proof": receipt["proof"] | {"rows": rows}}


def _another_number(receipt: dict[str, Any]) -> dict[str, Any]:
    return receipt | {"elapsed_ms": float(receipt["elapsed_ms"])}


@pytest.mark.parametrize("change", [_without_proof, _with_more, _another_number])
def test_what_is_not_signed_rides_along_with_nothing(change: Any) -> None:
    with pytest.raises(NotProved):
        verified(change(_receipt([Encoded(type="KeyRevoked", schema_version=1, data="{}")], [])), KEYS)


def test_only_the_keys_that_are_given_are_believed() -> None:
    receipt = _receipt([], [], STRANGER)
    with pytest.raises(NotProved, match="not among the public keys"):
        verified(receipt, KEYS)
    with pytest.raises(NotProved, match="signature does not fit"):
        verified(receipt, {thumbprint(STRANGER.public_key): SIGNER.public_key})


def test_rows_that_do_not_follow_each_other_are_not_believed_of_the_right_signer_either() -> None:
    rows = _rows([Encoded(type="KeyRevoked", schema_version=1, data="{}")] * 3)
    receipt = ReceiptShown(position=43, propagated=True, elapsed_ms=1, gates=())
    for torn, previous in ((rows[::2], genesis_hash(EPOCH)), (rows, rows[0].hash), (rows, None)):
        place = Place(epoch=EPOCH, previous=previous, rows=torn, hash=torn[-1].hash)
        with pytest.raises(NotProved):
            verified(form(proved(receipt, place, SIGNER, NOW)), KEYS)


def test_a_public_key_has_the_name_that_the_rfc_gives_it() -> None:
    """RFC 8037, appendix A.3."""
    public_key = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert thumbprint(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert base64url(public_key) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
