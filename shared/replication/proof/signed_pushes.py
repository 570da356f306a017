"""Signed pushes: each message carries the running digest of its page before it, and the last one a signature.

The attributes are CloudEvents extensions, `proofbefore` (32 bytes in hex) and `proof`: older readers ignore them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from shared.contracts.envelope import CloudEvent, to_json
from shared.replication.proof.signatures import Signer

BEFORE, SIGNATURE = "proofbefore", "proof"
PURPOSE = b"grillo push 1"
BEGINNING = bytes(32)  # the running digest before a page's first message


def bodies(events: Sequence[CloudEvent], signer: Signer | None) -> Iterator[dict[str, Any]]:
    """The messages of one page, in order, as plain JSON values. Without a signer they carry no proof."""
    digest = BEGINNING
    for number, event in enumerate(events, start=1):
        body = to_json(event)
        if signer is None:
            yield body
            continue
        proof = {BEFORE: digest.hex()}
        digest = running_digest(digest, canonical(body))
        if number == len(events):
            proof[SIGNATURE] = signer.sign(PURPOSE, digest)
        yield body | proof


def canonical(body: Mapping[str, Any]) -> bytes:
    """The bytes of a message that count: all of it but the proof, also what the reader's release does not know.

    Raises what msgspec raises for values that JSON does not have.
    """
    told = {name: value for name, value in body.items() if name not in (BEFORE, SIGNATURE)}
    return msgspec.json.encode(told, order="sorted")


def running_digest(before: bytes, message: bytes) -> bytes:
    return hashlib.sha256(before + hashlib.sha256(message).digest()).digest()
