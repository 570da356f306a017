"""Refusals of keys' core as the errors that RPC callers catch by name."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked
from services.keys.lifecycle.key import NoSuchKey
from services.keys.lifecycle.organisation import TooManyKeys
from shared.contracts.errors import Conflict, NotAllowed, NotFound, Unavailable
from shared.eventsourcing.epochs import LogDiverged
from shared.replication.feed import GateRefused


@contextmanager
def as_wire_errors() -> Iterator[None]:
    """Raises NotFound, Conflict, NotAllowed or Unavailable for what is refused inside."""
    try:
        yield
    except NoSuchKey:
        raise NotFound("no such key") from None
    except (KeyIsRevoked, KeyHasExpired, TooManyKeys) as refusal:
        raise Conflict(str(refusal)) from None
    except LogDiverged as refusal:
        raise Unavailable(str(refusal)) from None
    except GateRefused as refused:
        raise NotAllowed(f"this account may not speak for this gate: {refused.reason.value}") from None
