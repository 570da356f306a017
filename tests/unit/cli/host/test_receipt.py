"""`grillo audit receipt` says in words what a file proves, and ends with 1 and a reason where it proves nothing."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.failure import Failure
from services.cli.host import audit
from shared.eventsourcing.event_store import Head, chained, genesis_hash
from shared.eventsourcing.event_types import Encoded
from shared.replication.proof.receipt_proof import GateShown, Place, ReceiptShown, base64url, form, proved
from shared.replication.proof.signatures import Signer

SIGNER = Signer(base64.b64encode(bytes(32)).decode())
EPOCH = "0" * 32


def a_receipt() -> dict[str, Any]:
    head = Head(epoch=EPOCH, position=6, hash=genesis_hash(EPOCH))
    event = Encoded(type="KeyRevoked", schema_version=1, data="{}")
    rows = tuple(chained(head, "key_a", 1, [event], '{"actor":"key_b"}', "2026-11-28T12:00:00.000000Z"))
    gates = GateShown(id="gate_1", applied_ms=4), GateShown(id="gate_2", counted_out=True)
    receipt = ReceiptShown(position=7, propagated=True, elapsed_ms=10_500, gates=gates)
    place = Place(epoch=EPOCH, previous=head.hash, rows=rows, hash=rows[-1].hash)
    return form(proved(receipt, place, SIGNER, datetime(2026, 11, 28, 12, tzinfo=UTC)))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "grillo-keys.json"
    listed = {"kty": "OKP", "crv": "Ed25519", "x": base64url(SIGNER.public_key)}
    file.write_text(json.dumps({"version": 1, "keys": [listed]}))
    return file


TWICE = json.dumps(a_receipt()).replace('"propagated": true', '"propagated": false, "propagated": true')
OF_A_STRANGER = a_receipt() | {"proof": a_receipt()["proof"] | {"signer": "\x1b[2J"}}


def run(keys: Path, content: str) -> Any:
    return CliRunner().invoke(audit.app, ["receipt", "-", "--keys", str(keys)], input=content)


@pytest.mark.parametrize("wrapped", [False, True])
def test_it_names_the_change_its_maker_and_each_gate(keys: Path, wrapped: bool) -> None:
    receipt = a_receipt()
    told = run(keys, json.dumps({"id": "key_a", "receipt": receipt} if wrapped else receipt, indent=2))
    assert told.exit_code == 0, told.output
    assert "row 7: KeyRevoked of key_a, at 2026-11-28T12:00:00.000000Z, by key_b" in told.output
    assert "gate_1 had applied row 7 after 4 ms" in told.output
    assert "gate_2 was silent until its lease had ended" in told.output
    assert "Not proved" in told.output


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(a_receipt() | {"elapsed_ms": 3}), "was altered"),
        (json.dumps(a_receipt() | {"proof": None}), "carries no proof"),
        ("{}", "has not the form"),
        ("[]", "no JSON object"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a": "\\ud800"}', "is not JSON"),
        (
            json.dumps(a_receipt()).replace('"propagated": true', '"propagated": false, "propagated": true'),
            "is not JSON",
        ),
        (json.dumps(a_receipt() | {"\x1b[2J": 1}), "has not the form"),
        (
            json.dumps(a_receipt() | {"proof": a_receipt()["proof"] | {"signer": "\x1b[2J"}}),
            "not among the public keys",
        ),
    ],
)
def test_what_proves_nothing_says_why(keys: Path, content: str, reason: str) -> None:
    refused = run(keys, content)
    assert isinstance(refused.exception, Failure)
    assert reason in str(refused.exception)
    assert str(refused.exception).isprintable()


@pytest.mark.parametrize("content", ["{}", '{"keys": [{"crv": "Ed25519", "x": "?"}]}', '{"keys": 3}', '{"keys": [1]}'])
def test_a_file_without_public_keys_is_said_to_be_one(keys: Path, content: str) -> None:
    keys.write_text(content)
    refused = run(keys, json.dumps(a_receipt()))
    assert isinstance(refused.exception, Failure)
    assert "/.well-known/grillo-keys" in str(refused.exception)
