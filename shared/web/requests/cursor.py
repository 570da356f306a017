"""Opaque places in a list: where a page ended, so that the next begins there whatever is written between."""

import base64
import binascii
import zlib

import msgspec

from shared.web.problems.catalogue import Problem
from shared.web.requests.query_parameters import has_control_characters

_CHECKSUM_BYTES = 4


def encode(*place: str) -> str:
    body = msgspec.json.encode(place)
    return base64.urlsafe_b64encode(_checksum(body) + body).decode().rstrip("=")


def decode(cursor: str, length: int) -> tuple[str, ...]:
    """The place, of `length` texts. Raises Problem `invalid-request` for a cursor this API never gave."""
    place: tuple[str, ...] = ()
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        checksum, body = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        if checksum == _checksum(body):
            place = msgspec.json.decode(body, type=tuple[str, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass
    # Written again, because base64 reads several spellings of the same bytes.
    if len(place) != length or encode(*place) != cursor or any(map(has_control_characters, place)):
        raise Problem("invalid-request", "cursor: use next_cursor of the page before, unchanged")
    return place


def _checksum(body: bytes) -> bytes:
    """Against slips and guesses, not against an attacker: a place is no secret and opens nothing."""
    return zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big")
