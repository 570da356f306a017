"""Keys of an organisation compared: those with the most requests, and those with the most that were refused."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, CompoundSelect, Connection, Select, case, func, literal, select, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from services.usage import tables
from services.usage.counters.aggregation import DAY_MINUTES, REFUSED_CLASS
from services.usage.counters.by_network import keys_of
from services.usage.counters.counters import KEYS

KEYS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTotal:
    key_id: str
    hint: str
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysCompared:
    """The KEYS_MAX keys with the most requests, and those with the most that were answered 4xx: these are counted."""

    heaviest: tuple[KeyTotal, ...]
    most_refused: tuple[KeyTotal, ...]


def read_compared(tx: Connection, organisation_id: str, first: int, last: int, step: int) -> KeysCompared:
    """Of the minutes [first, last), both multiples of `step` minutes; days are read by themselves."""
    own = keys_of(organisation_id)
    if step == DAY_MINUTES:
        days = tables.counter_day.c
        totals = _totals(days, days.refused).where(days.key_id.in_(own), days.minute >= first, days.minute < last)
    else:
        counter = KEYS.within(tx, own, first, last, step).c
        refused = case((counter.status // 100 == REFUSED_CLASS, counter.requests), else_=0)
        totals = _totals(counter, refused)
    told: dict[str, list[KeyTotal]] = {"requests": [], "refused": []}
    for row in tx.execute(_most(totals.cte("totals"))):
        told[row.by].append(KeyTotal(key_id=row.key_id, hint=row.hint, requests=int(row.counted)))
    return KeysCompared(heaviest=tuple(told["requests"]), most_refused=tuple(told["refused"]))


def _totals(counter: ReadOnlyColumnCollection[str, Any], refused: ColumnElement[int]) -> Select[Any]:
    """By key. `refused`: how many of a row's requests were."""
    requests, refused = func.sum(counter.requests).label("requests"), func.sum(refused).label("refused")
    return select(counter.key_id, requests, refused).group_by(counter.key_id)


def _most(totals: CTE) -> CompoundSelect[Any]:
    """The KEYS_MAX keys with the most requests, then those with the most refused ones: the totals are made once."""
    known = tables.known_key

    def first(by: str) -> Select[Any]:
        counted = totals.c[by]
        named = select(literal(by).label("by"), known.c.key_id, known.c.hint, counted.label("counted"))
        joined = named.join(totals, totals.c.key_id == known.c.key_id).where(counted > 0)
        return select(joined.order_by(counted.desc(), known.c.key_id).limit(KEYS_MAX).subquery())

    return union_all(first("requests"), first("refused"))
