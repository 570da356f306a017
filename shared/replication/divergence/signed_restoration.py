"""Signed restorations: LogRestored carries keys' signature, so that no row forged in the database excuses a loss."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from shared.eventsourcing.epochs import LogRestored
from shared.replication.proof.receipt_proof import thumbprint
from shared.replication.proof.signatures import Signer, Verifier

_PURPOSE = b"grillo log restored 1"


def signed(restored: LogRestored, signer: Signer) -> LogRestored:
    named = replace(restored, signer=thumbprint(signer.public_key))
    return replace(named, signature=signer.sign(_PURPOSE, _unsigned(named)))


def is_signed(restored: LogRestored, verifier: Verifier) -> bool:
    return verifier.verifies(_PURPOSE, _unsigned(restored), restored.signature)


def is_signed_by(restored: LogRestored, public_keys: Mapping[str, str]) -> bool:
    """`public_keys`: thumbprint → 32 bytes in base64."""
    public_key = public_keys.get(restored.signer)
    return public_key is not None and is_signed(restored, Verifier([public_key]))


def _unsigned(restored: LogRestored) -> bytes:
    """In the form of RFC 8785."""
    members = msgspec.to_builtins(restored)
    del members["signature"]
    return msgspec.json.encode(members, order="sorted")
