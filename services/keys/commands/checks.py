"""Checks of a command while the log is locked: of who asks and of new keys, before it writes; of a change, after."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Select, String, bindparam, or_, select

from services.keys import tables
from services.keys.commands.creation_bounds import creation_bounds
from services.keys.commands.lifetime_checks import check_lifetime_of
from services.keys.lifecycle.bounds import BeyondOwnBounds
from services.keys.lifecycle.expiry import sets_end
from services.keys.lifecycle.key import Key, Status
from services.keys.lifecycle.lifetimes import BeyondLifetime, Lifetimes, LifetimesChanged, check_lifetime
from services.keys.lifecycle.lock_out import LockOut, Loss, own_loss, usable_beyond, weakens
from services.keys.revocation import fence as key_fence
from services.keys.revocation import session_fence
from services.keys.revocation.fence import Fence
from services.keys.revocation.session_fence import SessionFence
from services.keys.views.active_keys import check_limit, has_status
from services.keys.views.own_bounds import check_own_bounds, check_within
from shared.eventsourcing.repository import nothing
from shared.runtime.clock import Clock, ClockInDoubt
from shared.sql.idempotency_table import Keep
from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.values.timestamps import rfc3339

AnyFence = Fence | SessionFence  # of a key, or of a person


class Checks:
    """`fence` None: an operator, a clock or another back end asks, who is neither fenced nor kept from a lock-out.

    `seen`: revisions one of which what is changed must have. `keep`: to call with the id of what is changed.
    """

    def __init__(
        self, clock: Clock, fence: AnyFence | None = None, seen: SeenRevisions = ANY_REVISION, keep: Keep | None = None
    ) -> None:
        self._clock, self._fence, self._keep, self.seen = clock, fence, keep, seen
        self.before: Callable[[Connection], None] = nothing if fence is None else _checked_by(fence)

    def kept(self, subject: str) -> Callable[[Connection], None]:
        """What a repository calls in the transaction."""
        keep = self._keep
        return nothing if keep is None else lambda tx: keep(tx, subject)

    def created(
        self, keys: Sequence[Key], lifetimes: Lifetimes | None, tx: Connection, known: Mapping[int, Exception]
    ) -> dict[int, Exception]:
        """Place → BeyondOwnBounds or BeyondLifetime, of each of these new keys of an organisation that may not be.

        Call it before they are in the log.

        `lifetimes`: those that said when keys expire. `known`: what is wrong with them besides.

        Raises LifetimesChanged, TooManyKeys or ClockInDoubt.
        """
        fence, now = self._fence, self._clock.now()
        maker_id = fence.key_id if isinstance(fence, Fence) else None
        bounds = creation_bounds(tx, keys[0].organisation_id, maker_id, now)
        if lifetimes is not None and bounds.lifetimes != lifetimes:
            raise LifetimesChanged(bounds.lifetimes)
        refusals = dict(known)
        for at, key in enumerate(keys):
            try:
                if bounds.maker is not None:
                    check_within(bounds.maker, key.access)
                check_lifetime(None, key, bounds.lifetimes)
            except (BeyondOwnBounds, BeyondLifetime) as refusal:
                refusals[at] = refusal
        active = sum(key.status(now) is Status.ACTIVE for key in keys)
        if active and not refusals:  # what is wrong with each is told before that they are too many
            bounds.room.check(active)
        if not refusals:
            for key in keys:
                self._check_clock(None, key)
        return refusals

    def changed(self, before: Key | None, after: Key | None, tx: Connection) -> None:
        """Raises BeyondOwnBounds, LockOut, BeyondLifetime, TooManyKeys or ClockInDoubt."""
        fence = self._fence
        if isinstance(fence, Fence):
            check_own_bounds(tx, fence.key_id, before, after)
            if not (fence.gives_up or fence.forces):
                self._check_lock_out(fence, before, after, tx)
        elif fence is not None and not fence.forces:
            check_last_admin_key(before, after, _time_of(fence), tx)
        check_lifetime_of(tx, before, after)
        check_limit(tx, before, after, self._clock.now())
        self._check_clock(before, after)

    def unused_expiry_set(self, organisation_id: str, days: int | None, tx: Connection) -> None:
        """Raises LockOut if every admin key that is usable is as long unused, but for the one that asks.

        Where there is none anyhow, none is lost.
        """
        fence = self._fence
        if fence is None or fence.forces or days is None:
            return
        now = _time_of(fence)
        asking = fence.key_id if isinstance(fence, Fence) else ""
        stays = has_usable_admin_key(tx, organisation_id, now, used_since=now - timedelta(days=days), or_id=asking)
        if not stays and has_usable_admin_key(tx, organisation_id, now):
            raise LockOut(Loss.LAST_ADMIN_KEY)

    def _check_clock(self, before: Key | None, after: Key | None) -> None:
        """Counted from a wrong time, an end would come at another time than was meant, and a lifetime be too long."""
        if after is not None and sets_end(before, after) and self._clock.is_contradicted():
            raise ClockInDoubt

    def _check_lock_out(self, fence: Fence, before: Key | None, after: Key | None, tx: Connection) -> None:
        check_last_admin_key(before, after, _time_of(fence), tx)
        if after is not None and after.key_id == fence.key_id:
            loss = own_loss(before, after, fence.permission, fence.address)
            if loss is not None:
                raise LockOut(loss)


def check_last_admin_key(before: Key | None, after: Key | None, now: datetime, tx: Connection) -> None:
    """Raises LockOut if the change, which the transaction holds already, leaves no usable admin key.

    Call it while the log is locked: nobody else appends, so two cannot both take the last but one.
    """
    if after is None or not weakens(before, after, now):
        return
    if not has_usable_admin_key(tx, after.organisation_id, now):
        raise LockOut(Loss.LAST_ADMIN_KEY)


def has_usable_admin_key(
    tx: Connection,
    organisation_id: str,
    now: datetime,
    *,
    used_since: datetime | None = None,
    or_id: str = "",
    without: str = "",
) -> bool:
    """Whether there is an admin key that is active and does not expire within a day, other than `without`.

    `used_since`: and that was made, renewed or used since then, or is the one of the id `or_id`.
    """
    since = "" if used_since is None else rfc3339(used_since)
    moments = {"now": rfc3339(now), "beyond": rfc3339(usable_beyond(now)), "since": since}
    ids = {"organisation_id": organisation_id, "or_id": or_id, "without": without}
    found = tx.execute(_usable_admin_key(), moments | ids)
    return found.one_or_none() is not None


# Cached: building such a statement takes longer than running it.
@functools.cache
def _usable_admin_key() -> Select[str]:
    key = tables.api_key.c
    since = bindparam("since", type_=String)
    is_lasting = or_(key.expires_at.is_(None), key.expires_at > bindparam("beyond", type_=String))
    moments = (key.last_used_at, key.rotated_at, key.created_at)
    is_used = or_(*(moment >= since for moment in moments), key.id == bindparam("or_id", type_=String))
    return (
        select(key.id)
        .where(
            key.organisation_id == bindparam("organisation_id"),
            key.permissions.contains('"admin"'),
            has_status(bindparam("now", type_=String))[Status.ACTIVE],
            key.id != bindparam("without", type_=String),
            is_lasting,
            is_used,
        )
        .limit(1)
    )


def _checked_by(fence: AnyFence) -> Callable[[Connection], None]:
    return key_fence.checked_by(fence) if isinstance(fence, Fence) else session_fence.checked_by(fence)


def _time_of(fence: AnyFence) -> datetime:
    """Of a key its gate's, which is the database's."""
    return datetime.fromtimestamp(fence.time(), UTC)
