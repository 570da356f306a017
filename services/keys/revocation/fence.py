"""Fence of a command: does the key that asked for it still have the power to, where the command is committed?

A gate admits a request before its command waits for the log; a revocation may come first. So the key is judged once
more, by the gate's own rules, on the rows of the transaction that appends, while nobody else can: no event by a key
lies behind the event that ended its power.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select

from services.keys import tables
from shared.gate.grants.grant import Grant, Status
from shared.gate.verdict import Refusal, forgiven, judge_again
from shared.values.timestamps import from_rfc3339

_COLUMNS = (
    "id",
    "organisation_id",
    "digest",
    "previous_digest",
    "grace_until",
    "permissions",
    "revoked_at",
    "suspended_at",
    "expired_at",
    "expires_at",
)
# Built once: others wait for the log meanwhile.
_THE_KEY = select(*(tables.api_key.c[name] for name in _COLUMNS)).where(tables.api_key.c.id == bindparam("key_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The key that asks, by the secret that it presented, and the permission needed; None: any valid key will do.

    `time`: of its gate, at the moment it is called, in seconds since 1970; not the host's clock, which may be wrong.
    `gives_up`: the key only ends its own power, which one that is suspended or expired may do, too.
    `address`: the caller's; None: not known. `forces`: it was said that a lock-out is wanted.
    """

    key_id: str
    digest: str
    permission: str | None
    time: Callable[[], float]
    gives_up: bool = False
    address: str | None = None
    forces: bool = False


class Fenced(Exception):
    """The key lost its power before the command was committed; nothing of it was kept. `permission`: the one needed."""

    def __init__(self, refusal: Refusal, permission: str | None) -> None:
        self.refusal, self.permission = refusal, permission
        super().__init__(refusal.value)


def judge(fence: Fence, grant: Grant | None, now: float) -> Refusal | None:
    """Why the key may not, or None. Pure. `grant` None: the key was deleted."""
    judged = forgiven(grant) if fence.gives_up and grant is not None else grant
    return judge_again(judged, fence.digest, fence.permission, now)


def checked_by(fence: Fence) -> Callable[[Connection], None]:
    """What a repository calls before it writes."""

    def check(tx: Connection) -> None:
        row = tx.execute(_THE_KEY, {"key_id": fence.key_id}).one_or_none()
        refusal = judge(fence, None if row is None else grant_of(row), fence.time())
        if refusal is not None:
            raise Fenced(refusal, fence.permission)

    return check


def grant_of(row: Row[Any]) -> Grant | None:
    """A row of `api_key` as gates see the key: all that ends its power, and not what narrows its use.

    None: no event told its digest, so no secret is known to be its own.
    """
    if row.digest is None:
        return None
    ended = Status.REVOKED if row.revoked_at else Status.EXPIRED if row.expired_at else Status.ACTIVE
    return Grant(
        key_id=row.id,
        organisation_id=row.organisation_id,
        digest=row.digest,
        hint="",
        permissions=frozenset(msgspec.json.decode(row.permissions)),
        status=ended,
        expires_at=row.expires_at and from_rfc3339(row.expires_at),
        suspended=row.suspended_at is not None,
        previous_digest=row.previous_digest,
        grace_until=row.grace_until and from_rfc3339(row.grace_until),
    )
