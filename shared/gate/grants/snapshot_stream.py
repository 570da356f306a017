"""Wire format of a grants snapshot: gzipped NDJSON; the first line is all but the grants, then one line for each grant.

An empty line marks the end. Who asked with a nonce gets one line more: auth's signature of nonce and all before it.
Neither end ever holds more than a part of it besides the grants themselves.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
from isal import isal_zlib

from shared.gate.grants.compact_grants import CompactGrants, CompactSnapshot
from shared.gate.grants.grant import Grant, Snapshot
from shared.replication.proof.signatures import SIGNATURE_BYTES, Signer, Verifier

CONTENT_TYPE = "application/x-ndjson"
_GZIP = 31  # window bits: zlib's code for gzip with header and trailer
_LEVEL = 1  # of ISA-L: smaller output than zlib's level 1, in a fifth of its time
_BLOCK_BYTES = 256 * 1024
_SIGNATURE_LINE_BYTES = (SIGNATURE_BYTES + 2) // 3 * 4 + 1  # base64, and the line's end
_PURPOSE = b"grillo grants snapshot 1"
_grant = msgspec.json.Decoder(Grant)


class StreamBroken(Exception):
    """The bytes are not a grants snapshot, or the stream was cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Signs a stream for who asked with this nonce."""

    signer: Signer
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a stream must be signed by, and for."""

    verifier: Verifier
    nonce: str


def compressed(blocks: Iterable[bytes], signing: Signing | None = None) -> Iterator[bytes]:
    """Compresses with gzip. `blocks`: one or more lines each, no final newline. An empty line marks the end."""
    gzip = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    digest = hashlib.sha256()
    for text in _text(blocks):
        if signing is not None:
            digest.update(text)
        if piece := gzip.compress(text):  # an empty one would end an answer that is sent in chunks
            yield piece
    signature = b""
    if signing is not None:
        signature = signing.signer.sign(_PURPOSE, _signed(signing.nonce, digest.digest())).encode() + b"\n"
    yield gzip.compress(signature) + gzip.flush()


def _text(blocks: Iterable[bytes]) -> Iterator[bytes]:
    waiting, size = [], 0
    for block in blocks:
        waiting.append(block)
        size += len(block)
        if size >= _BLOCK_BYTES:
            waiting.append(b"")
            yield b"\n".join(waiting)
            waiting, size = [], 0
    yield b"\n".join([*waiting, b"", b""])


def read_proved(blocks: Iterable[bytes], demand: Demand) -> CompactSnapshot:
    """Reads a snapshot whose signature is demanded. Raises StreamBroken, also when it has none that proves it."""
    signed = _SignedBlocks(blocks)
    snapshot = read(signed)
    if next(iter(signed), None) is not None or not signed.is_proved(demand):
        raise StreamBroken("no key in AUTH_VERIFY_KEYS proves it")
    return snapshot


class _SignedBlocks:
    """The blocks of a signed stream, without the last line, which is kept; what is given out is digested."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._digest, self._last = hashlib.sha256(), b""
        self._given = self._give(blocks)

    def __iter__(self) -> Iterator[bytes]:
        return self._given

    def is_proved(self, demand: Demand) -> bool:
        """To be asked when all blocks were given out."""
        signed, signature = _signed(demand.nonce, self._digest.digest()), self._last.removesuffix(b"\n")
        return demand.verifier.verifies(_PURPOSE, signed, signature.decode("latin-1"))

    def _give(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            all_ = self._last + block
            given, self._last = all_[:-_SIGNATURE_LINE_BYTES], all_[-_SIGNATURE_LINE_BYTES:]
            if given:
                self._digest.update(given)
                yield given


def _signed(nonce: str, digest: bytes) -> bytes:
    return nonce.encode() + b"\n" + digest


def read(blocks: Iterable[bytes]) -> CompactSnapshot:
    """Reads a snapshot. `blocks`: the uncompressed bytes, split anywhere. Raises StreamBroken."""
    frame: Snapshot | None = None
    grants = CompactGrants()
    try:
        for lines in _whole_lines(blocks):
            others = lines
            if frame is None:
                first, _, others = lines.partition(b"\n")
                frame = msgspec.json.decode(first, type=Snapshot)
            for grant in _grant.decode_lines(others):
                grants.put(grant)
            if not lines or lines.endswith(b"\n"):
                return CompactSnapshot(frame=frame, grants=grants)
    except msgspec.DecodeError as error:
        raise StreamBroken(str(error)) from error
    raise StreamBroken("the stream was cut off")


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """All complete lines that have arrived, together, without the final newline."""
    rest = b""
    for block in blocks:
        lines, end, rest = (rest + block).rpartition(b"\n")
        if end:
            yield lines
