"""Refusals of keys' core as the errors that RPC callers catch by name."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked
from services.keys.lifecycle.key import NoSuchKey
from services.keys.lifecycle.organisation import TooManyKeys
from shared.contracts.errors import Conflict, NotFound


@contextmanager
def as_wire_errors() -> Iterator[None]:
    """Raises NotFound or Conflict for what is refused inside."""
    try:
        yield
    except NoSuchKey:
        raise NotFound("no such key") from None
    except (KeyIsRevoked, KeyHasExpired, TooManyKeys) as refusal:
        raise Conflict(str(refusal)) from None
