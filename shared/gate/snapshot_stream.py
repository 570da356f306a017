"""How a snapshot of many grants travels: a line of JSON for all but the grants, then one for each grant, compressed.

Neither end ever holds more than a part of it beside the grants themselves.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from shared.gate.grants import Grant, Held, Snapshot

CONTENT_TYPE = "application/x-ndjson"
_GZIP = 31  # zlib's window bits, with gzip's head and tail
_FASTEST = 1
_BLOCK_BYTES = 256 * 1024
_grant = msgspec.json.Decoder(Grant)


class StreamBroken(Exception):
    """It is no such stream, or ended before its end."""


def lines_of(snapshot: Snapshot) -> Iterator[bytes]:
    yield msgspec.json.encode(replace(snapshot, grants=()))
    for grant in snapshot.grants:
        yield msgspec.json.encode(grant)


def compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """gzip, in blocks. An empty line at the end says that this is the end."""
    gzip = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP)
    waiting, size = [], 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            waiting.append(b"")
            yield gzip.compress(b"\n".join(waiting))
            waiting, size = [], 0
    yield gzip.compress(b"\n".join([*waiting, b"", b""])) + gzip.flush()


def read(blocks: Iterable[bytes]) -> Snapshot:
    """`blocks`: uncompressed again, cut anywhere. Raises StreamBroken."""
    lines = _lines(blocks)
    held = Held()
    grants: list[Grant] = []
    try:
        frame = msgspec.json.decode(next(lines), type=Snapshot)
        for line in lines:
            if not line:
                return replace(frame, grants=tuple(grants))
            grants.append(held.slim(_grant.decode(line)))
    except (msgspec.DecodeError, StopIteration) as error:
        raise StreamBroken(str(error)) from error
    raise StreamBroken("it was cut off")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
