"""Opaque places in a list: where a page ended, so that the next begins there whatever is written between."""

import base64
import binascii

import msgspec

from shared.web.problems import Problem


def encode(*place: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode(cursor: str, length: int) -> tuple[str, ...]:
    """The place, of `length` texts. Raises Problem `invalid-request` for a cursor this API never gave."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = msgspec.json.decode(raw, type=tuple[str, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        place = ()
    if len(place) != length:
        raise Problem("invalid-request", "cursor: use next_cursor of the page before, unchanged")
    return place
