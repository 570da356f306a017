"""Pagination cursors: opaque texts for the place where one page ended and the next begins (shared/sql/keyset.py)."""

import base64
import binascii
import re
import zlib
from typing import Any

import msgspec

from shared.web.problems.catalogue import Problem
from shared.web.requests.query_parameters import has_control_characters

NOT_OURS = "send next_cursor of the previous page, unchanged"
_CHECKSUM_BYTES = 4
_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def encode(*place: str | int) -> str:
    """The cursor for a place: URL-safe base64 of a checksum and JSON."""
    body = msgspec.json.encode(list(map(str, place)))
    return base64.urlsafe_b64encode(_checksum(body) + body).decode().rstrip("=")


def decode(cursor: str, *kinds: type[str] | type[int]) -> tuple[Any, ...]:
    """The place that a cursor stands for: a text or a 64-bit number for each of `kinds`.

    Raises Problem `invalid-request` for a cursor that this API never returned.
    """
    place: tuple[str, ...] = ()
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        checksum, body = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        if checksum == _checksum(body):
            place = msgspec.json.decode(body, type=tuple[str, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass
    # Encoded again to compare, because base64 decodes several spellings to the same bytes.
    if len(place) != len(kinds) or encode(*place) != cursor or not all(map(_can_be, place, kinds)):
        raise Problem("invalid-request", f"cursor: {NOT_OURS}")
    return tuple(kind(part) for part, kind in zip(place, kinds, strict=True))


def _can_be(part: str, kind: type[str] | type[int]) -> bool:
    """Whether a database takes the part: anybody can make a cursor with a correct checksum."""
    if kind is int:
        return _NUMBER.fullmatch(part) is not None and -(2**63) <= int(part) < 2**63
    return not has_control_characters(part)


def _checksum(body: bytes) -> bytes:
    """Against mistakes, not against attackers: a place is no secret and gives access to nothing."""
    return zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big")
