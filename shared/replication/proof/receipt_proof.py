"""Proof of a receipt: what it says and the rows of the log that it is about, signed by keys. Anybody checks it offline.

The signature covers the receipt in the canonical form of RFC 8785, less the signature itself. The rows are those of
the command alone, as stored, so that nothing of another organisation is in it.
"""

import base64
import functools
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from shared.eventsourcing.event_store import StoredEvent, row_hash
from shared.replication.proof.signatures import KeyMalformed, Signer, Verifier
from shared.values.timestamps import rfc3339

_PURPOSE = b"grillo receipt 1"


class NotProved(Exception):
    """The receipt proves nothing; the message says what is wrong with it."""


class GateShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gate of a receipt: after how many milliseconds it had applied the change, or that it was counted out."""

    id: str
    applied_ms: int | UnsetType = UNSET
    counted_out: bool | UnsetType = UNSET


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rows`: consecutive, as stored; `previous`: the hash before the first. Without rows: `hash` is the log's head's.

    `signer`: the thumbprint of the public key (RFC 7638). `signature`: Ed25519, in base64.
    """

    epoch: str
    previous: str | None
    rows: tuple[StoredEvent, ...]
    hash: str
    signed_at: str
    signer: str
    signature: str | UnsetType = UNSET


class ReceiptShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receipt as answers have it. `proof`: None where keys has no signing key."""

    position: int
    propagated: bool
    elapsed_ms: int
    gates: tuple[GateShown, ...]
    proof: Proof | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt is about: the command's own rows, the hash before the first, and the last one's."""

    epoch: str
    previous: str | None
    rows: Sequence[StoredEvent]
    hash: str


def proved(receipt: ReceiptShown, place: Place, signer: Signer, now: datetime) -> ReceiptShown:
    """The receipt with its proof."""
    proof = Proof(
        epoch=place.epoch,
        previous=place.previous,
        rows=tuple(place.rows),
        hash=place.hash,
        signed_at=rfc3339(now),
        signer=thumbprint(signer.public_key),
    )
    unsigned = replace(receipt, proof=proof)
    return replace(unsigned, proof=replace(proof, signature=signer.sign(_PURPOSE, _canonical(unsigned))))


def form(receipt: ReceiptShown) -> dict[str, Any]:
    """As JSON has it."""
    members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(receipt))
    return members


def verified(receipt: Mapping[str, Any], public_keys: Mapping[str, str]) -> tuple[ReceiptShown, Proof]:
    """The receipt and its proof, if it is whole, and signed by one of the keys (thumbprint → 32 bytes in base64).

    Raises NotProved.
    """
    try:
        shown = msgspec.convert(receipt, ReceiptShown)
    except msgspec.ValidationError:
        # Nothing of it is quoted before its signature is checked: it may be made to mislead who reads the refusal.
        raise NotProved("it has not the form of a receipt") from None
    if msgspec.json.encode(receipt, order="sorted") != _canonical(shown):
        raise NotProved("it has members that no receipt has, or numbers in another form")
    proof = shown.proof
    if proof is None or proof.signature is UNSET:
        raise NotProved("it carries no proof: keys had no signing key when it was made")
    if proof.signer not in public_keys:
        raise NotProved("its signer is not among the public keys given")
    try:
        verifier = Verifier([public_keys[proof.signer]])
    except KeyMalformed as error:
        raise NotProved(f"the public key {proof.signer} is malformed: {error}") from None
    unsigned = replace(shown, proof=replace(proof, signature=UNSET))
    if not verifier.verifies(_PURPOSE, _canonical(unsigned), str(proof.signature)):
        raise NotProved("its signature does not fit: it was altered, or never signed by that key")
    _check_rows(proof)
    return shown, proof


@functools.lru_cache(maxsize=16)
def thumbprint(public_key: str) -> str:
    """The name of a public key (RFC 7638 of its JWK), which a receipt carries instead of the key."""
    members = msgspec.json.encode({"crv": "Ed25519", "kty": "OKP", "x": base64url(public_key)})
    return base64.urlsafe_b64encode(hashlib.sha256(members).digest()).rstrip(b"=").decode()


def base64url(text: str) -> str:
    """Base64 as JWKs have it: of the URL's alphabet and without padding."""
    return base64.urlsafe_b64encode(base64.b64decode(text)).rstrip(b"=").decode()


def from_base64url(text: str) -> str:
    """Plain base64 again. Raises ValueError."""
    return base64.b64encode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)).decode()


def _canonical(receipt: ReceiptShown) -> bytes:
    """RFC 8785: names are sorted, and there are no numbers but integers."""
    return msgspec.json.encode(receipt, order="sorted")


def _check_rows(proof: Proof) -> None:
    """A key that signs what does not hold together is not one of keys' own: say so and believe nothing."""
    if not proof.rows:
        return
    previous = proof.previous or ""
    for row, following in itertools.zip_longest(proof.rows, proof.rows[1:]):
        if not _continues(previous, row):
            raise NotProved(f"its row {row.position} does not match its hash")
        if following is not None and following.position != row.position + 1:
            raise NotProved(f"its rows are not consecutive after {row.position}")
        previous = row.hash
    if previous != proof.hash:
        raise NotProved("its last row has another hash than the proof names")


def _continues(previous: str, row: StoredEvent) -> bool:
    try:
        return row_hash(previous, row) == row.hash
    except ValueError:
        return False
