"""`grillo audit receipt`: checks a receipt without asking any server, and says in words what it proves."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.arguments import AsJson
from services.cli.failure import Failure
from services.cli.output import print_json

if TYPE_CHECKING:
    from shared.eventsourcing.event_store import StoredEvent
    from shared.replication.proof.receipt_proof import Proof, ReceiptShown

_BYTES_MAX = 16_000_000
_NOT_PROVED = """Not proved by this file alone:
  - that the log holds these rows today: `grillo audit verify` checks that, on the host;
  - that the clock was right, by which keys wrote the times;
  - what a gate does that was never one of those named."""


def receipt(
    file: Annotated[
        Path, typer.Argument(help="The receipt, or the whole answer that it came in; - is standard input.")
    ],
    keys: Annotated[
        Path, typer.Option(metavar="FILE", help="What /.well-known/grillo-keys answered, kept from a time you trust.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a receipt offline: who signed it, its rows of the log, the gates. Exit status 1 if it proves nothing.

    `curl URL/.well-known/grillo-keys > grillo-keys.json` keeps the public keys; do it before you need them.
    """
    from shared.replication.proof.receipt_proof import NotProved, verified

    answer = _read(file)
    try:
        shown, proof = verified(answer.get("receipt", answer), _public_keys(keys))
    except NotProved as error:
        raise Failure(f"this receipt proves nothing: {error}.") from None
    if as_json:
        print_json({"proved": True, "signer": proof.signer})
    else:
        _tell(shown, proof)


def _read(file: Path) -> dict[str, Any]:
    from shared.web.problems.catalogue import Problem
    from shared.web.requests.json_body import parse

    try:
        found = parse(sys.stdin.buffer.read(_BYTES_MAX) if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.") from None
    except Problem:
        raise Failure(f"{file} is not JSON, or not as a receipt is: in UTF-8, with no member twice.") from None
    if not isinstance(found, dict):
        raise Failure(f"{file} holds no JSON object.")
    return found


def _public_keys(file: Path) -> dict[str, str]:
    """Thumbprint → key. The thumbprint is computed: what the file calls a key does not matter."""
    from shared.replication.proof.receipt_proof import from_base64url, thumbprint

    listed = _read(file).get("keys")
    try:
        found = [from_base64url(key["x"]) for key in listed or () if key.get("crv") == "Ed25519"]
    except (AttributeError, KeyError, TypeError, ValueError):
        found = []
    if not found:
        raise Failure(f"{file} is not what /.well-known/grillo-keys answers: it holds no Ed25519 key.")
    return {thumbprint(key): key for key in found}


def _tell(receipt: "ReceiptShown", proof: "Proof") -> None:
    lines = [
        f"Proved, if you trust the key {proof.signer}:",
        f"At {proof.signed_at} the service keys signed that",
        *(f"  - its log {proof.epoch} held {_row(row)}" for row in proof.rows),
        *(_gate(gate.id, gate.applied_ms, receipt) for gate in receipt.gates),
    ]
    if receipt.propagated:
        when = f"{receipt.elapsed_ms} ms after the commit"
        lines.append(f"  - {when} no gate acted on the state before row {receipt.position}")
    else:
        lines.append(f"  - after {receipt.elapsed_ms} ms not every gate had applied row {receipt.position}")
    typer.echo("\n".join([*lines, _NOT_PROVED]))


def _row(row: "StoredEvent") -> str:
    metadata = json.loads(row.metadata)
    return f"row {row.position}: {row.type} of {row.stream}, at {row.recorded_at}, by {metadata.get('actor', 'nobody')}"


def _gate(gate_id: str, applied_ms: Any, receipt: "ReceiptShown") -> str:
    if isinstance(applied_ms, int):
        return f"  - {gate_id} had applied row {receipt.position} after {applied_ms} ms"
    return f"  - {gate_id} was silent until its lease had ended: it refuses everything until it asks again"
