"""Checks of lifetimes while the log is locked: those that an organisation sets hold at the moment of the commit."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select

from services.keys import tables
from services.keys.lifecycle.key import Key
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes, LifetimesChanged, check_lifetime, is_prolonged

_Result = TypeVar("_Result")
_ATTEMPTS_MAX = 10
# Built once: others wait for the log meanwhile.
_LIFETIMES = select(tables.organisation.c.lifetime_max_days, tables.organisation.c.lifetime_default_days).where(
    tables.organisation.c.id == bindparam("organisation_id")
)


def _lifetimes_of(tx: Connection, organisation_id: str) -> Lifetimes:
    row = tx.execute(_LIFETIMES, {"organisation_id": organisation_id}).one_or_none()
    return UNLIMITED if row is None else Lifetimes(max_days=row[0], default_days=row[1])


def check_lifetime_of(tx: Connection, before: Key | None, after: Key | None) -> None:
    """Checks a key that was made or changed. Raises BeyondLifetime.

    Call it while the log is locked: nobody else appends, so the lifetimes are those of the moment of the commit.
    """
    if after is not None and is_prolonged(before, after):
        check_lifetime(before, after, _lifetimes_of(tx, after.organisation_id))


def on_present_lifetimes(execute: Callable[[Lifetimes], _Result]) -> _Result:
    """What `execute` does, decided again if there are other lifetimes than it was decided on.

    Raises LifetimesChanged if they change all the time.
    """
    lifetimes = UNLIMITED
    for _ in range(_ATTEMPTS_MAX):
        try:
            return execute(lifetimes)
        except LifetimesChanged as changed:
            lifetimes = changed.present
    raise LifetimesChanged(lifetimes)
