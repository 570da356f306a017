"""Keys of an organisation compared: those with the most requests, and those with the most that were refused."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    case,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from services.usage import tables
from services.usage.counters.aggregation import DAY_MINUTES, REFUSED_CLASS
from services.usage.counters.counters import KEYS, ORGANISATIONS
from services.usage.counters.question_bounds import Question
from shared.sql.in_values import in_values

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


def compare(question: Question, organisation_id: str, used: Collection[str], step: int) -> KeysCompared:
    """Of the question's range, in steps of so many minutes; days are read by themselves. Raises as Question does.

    `used`: the `used_keys` of that range.
    """
    hints, counted = dict[str, str](), {by: Counter[str]() for by in ("requests", "refused")}
    # In one part the database picks those with most; of several, all are added up.
    limit = None if question.is_wide else KEYS_MAX
    question.narrow(lambda tx: ORGANISATIONS.days_kept(tx, organisation_id))
    for first, last in question.parts():
        with question.reading() as tx:
            rows = tx.execute(_most(_of_part(tx, used, first, last, step).cte("totals"), limit)).all()
        for row in rows:
            hints[row.key_id] = row.hint
            counted[row.by][row.key_id] += int(row.counted)
            question.count(row.rows if row.by == "requests" else 0)
    return KeysCompared(heaviest=_first(counted["requests"], hints), most_refused=_first(counted["refused"], hints))


def _first(counted: Counter[str], hints: Mapping[str, str]) -> tuple[KeyTotal, ...]:
    most = sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:KEYS_MAX]
    return tuple(KeyTotal(key_id=key_id, hint=hints[key_id], requests=requests) for key_id, requests in most)


def _of_part(tx: Connection, used: Collection[str], first: int, last: int, step: int) -> Select[Any]:
    if step == DAY_MINUTES:
        days = tables.counter_day.c
        is_within = in_values(tx, days.key_id, used), days.minute >= first, days.minute < last
        return _totals(days, days.refused).where(*is_within)
    totals = []
    for part in KEYS.parts(tx, used, first, last, step):
        counter = part.subquery().c
        totals.append(_totals(counter, case((counter.status // 100 == REFUSED_CLASS, counter.requests), else_=0)))
    if len(totals) == 1:
        return totals[0]
    # Summed up by table first: their rows come in the order of their keys.
    both = union_all(*totals).subquery().c
    sums = (func.sum(both[name]).label(name) for name in ("requests", "refused", "rows"))
    return select(both.key_id, *sums).group_by(both.key_id)


def used_keys(tx: Connection, organisation_id: str, first: int, last: int, limit: int | None = None) -> list[str]:
    """The organisation's keys, without deleted ones, that have a request on a day that the minutes [first, last) touch.

    Looked up once for each key, so that the counters of those that nobody used are not.
    """
    days, known = tables.counter_day.c, tables.known_key.c
    first_day = first // DAY_MINUTES * DAY_MINUTES
    is_used = exists().where(days.key_id == known.key_id, days.minute >= first_day, days.minute < last)
    used = select(known.key_id).where(known.organisation_id == organisation_id, is_used).limit(limit)
    return list(tx.execute(used).scalars())


def _totals(counter: ReadOnlyColumnCollection[str, Any], refused: ColumnElement[int]) -> Select[Any]:
    """By key. `refused`: how many of a row's requests were. `rows`: how many are read."""
    requests, refused = func.sum(counter.requests).label("requests"), func.sum(refused).label("refused")
    return select(counter.key_id, requests, refused, func.count().label("rows")).group_by(counter.key_id)


def _most(totals: CTE, limit: int | None) -> CompoundSelect[Any]:
    """The keys with the most requests, then those with the most refused ones: the totals are made once."""
    known = tables.known_key

    def first(by: str) -> Select[Any]:
        counted = totals.c[by]
        named = select(
            literal(by).label("by"), known.c.key_id, known.c.hint, counted.label("counted"), totals.c.rows.label("rows")
        )
        joined = named.join(totals, totals.c.key_id == known.c.key_id).where(counted > 0)
        return select(joined.order_by(counted.desc(), known.c.key_id).limit(limit).subquery())

    return union_all(first("requests"), first("refused"))
