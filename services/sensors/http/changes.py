"""What every change that a key asks for over HTTP takes along: who asked, and the second look at it at the commit."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.values.revision import SeenRevisions
from shared.web.operation import Call
from shared.web.still_admitted import StillAdmitted


def fence_of(still: StillAdmitted, call: Call[Any, Any]) -> Callable[[Connection], None]:
    """Of a repository's command: raises Problem if the gate would refuse the caller now. It writes nothing."""
    check = still.check_of(msgspec.structs.replace(call, keep=None))
    return lambda tx: check(tx, "")


def seen_of(call: Call[Any, Any], revision: int | msgspec.UnsetType) -> SeenRevisions:
    """The revisions that a change is based on: those of If-Match, and that which the body names."""
    if isinstance(revision, msgspec.UnsetType):
        return call.seen
    named, known = frozenset({revision}), call.seen.revisions
    return SeenRevisions(named if known is None else named & known)
