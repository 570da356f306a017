"""Looks at what was taken in, rule by rule, a moment after: reads, decides, asks keys about labels, then writes.

In this order, because nothing may call out inside a transaction. What a crash leaves in the middle is looked at again;
an alert stands once, so that does no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from services.usage import tables as followed
from services.usage.alerting import tables
from services.usage.alerting.alerts.alert_lifecycle import raise_or_keep_up, resolve_of_keys, resolve_over, standing
from services.usage.alerting.alerts.facts import Met
from services.usage.alerting.evaluation import known_sources as sources
from services.usage.alerting.evaluation.conditions import met, near
from services.usage.alerting.evaluation.hourly_baseline import HourlyBaseline
from services.usage.alerting.evaluation.known_sources import KnownSources, NewSource
from services.usage.alerting.evaluation.measurements import MeasurementReader, Rules
from services.usage.alerting.evaluation.observation import (
    ExpiryCleared,
    ExpiryWarning,
    Observation,
    ObservedBatch,
    ObservedRequest,
    QueuedItem,
    merged,
)
from services.usage.alerting.rules.rule import Kind
from services.usage.alerting.rules.rule_store import rules_of
from shared.gate.grants.grant import Limits
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.sql.database import Database, DatabaseBusy
from shared.sql.in_values import in_values
from shared.values.timestamps import to_microseconds

ROWS_AT_ONCE = 25
NEW_SOURCES_A_DAY_MAX = 10
Labelled = Callable[[str, str, str], bool]  # organisation, key, label → whether the key carries it
# The database's fault, and none of what is looked at: the next round looks again.
_NOT_NOW = (OperationalError, InterfaceError, PoolExhausted, DatabaseBusy)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """What a look at some rows has found."""

    rows: tuple[int, ...]
    met: tuple[Met, ...]
    new_sources: tuple[NewSource, ...]
    observations: tuple[Observation, ...]
    settled: tuple[ExpiryCleared, ...]


class Evaluator:
    def __init__(self, database: Database, policy: Mapping[str, Limits], labelled: Labelled, clock: Clock) -> None:
        """`policy`: tier → limits."""
        self._database, self._labelled, self._clock = database, labelled, clock
        self._reader, self._sources, self._baseline = (
            MeasurementReader(policy),
            KnownSources(),
            HourlyBaseline(database),
        )

    def run(self) -> int:
        """Looks at all there is; how many alerts were raised."""
        raised = 0
        while rows := self._waiting():
            try:
                raised += self._evaluate(rows)
            except _NOT_NOW:
                raise
            except Exception:
                raised += self._one_by_one(rows)
        return raised

    def settle(self) -> None:
        """What time alone brings: alerts that are over, and hours that are."""
        now = self._clock.now()
        self._baseline.keep(now)
        if self._is_any_over(now):
            with self._database.transaction() as tx:
                resolve_over(tx, now)

    def _waiting(self) -> Sequence[Row[Any]]:
        table = tables.pending_evaluation
        with self._database.reading() as tx:
            return tx.execute(select(table).order_by(table.c.id).limit(ROWS_AT_ONCE)).all()

    def _evaluate(self, rows: Sequence[Row[Any]]) -> int:
        found = self._look(rows)
        # A label is asked for over RPC: after the reading and before the writing.
        return self._write(replace(found, met=tuple(one for one in found.met if self._concerns(one))))

    def _one_by_one(self, rows: Sequence[Row[Any]]) -> int:
        """Something in there cannot be evaluated; it must not hold up what comes after it for ever."""
        raised = 0
        for row in rows:
            try:
                raised += self._evaluate([row])
            except _NOT_NOW:
                raise
            except Exception:
                _log.exception("evaluation_failed", row=row.id)
                metrics.evaluations_failed.inc()
                with self._database.transaction() as tx:
                    tx.execute(delete(tables.pending_evaluation).where(tables.pending_evaluation.c.id == row.id))
        return raised

    def _look(self, rows: Sequence[Row[Any]]) -> _Findings:
        pending: list[Any] = [msgspec.json.decode(row.body, type=QueuedItem) for row in rows]
        warnings = [one for one in pending if isinstance(one, ExpiryWarning)]
        batches = [one for one in pending if isinstance(one, ObservedBatch)]
        with self._database.reading() as tx:
            seen = _without_erased(tx, merged(observation for batch in batches for observation in batch.observations))
            rules = rules_of(tx, {one.organisation_id for one in seen} | {one.organisation_id for one in warnings})
            new = self._sources.new(tx, seen)
            found = [*self._met(tx, seen, rules, new), *_near(warnings, rules)]
        return _Findings(
            rows=tuple(row.id for row in rows),
            met=tuple(found),
            new_sources=new,
            observations=seen,
            settled=tuple(one for one in pending if isinstance(one, ExpiryCleared)),
        )

    def _write(self, found: _Findings) -> int:
        now, table = self._clock.now(), tables.pending_evaluation
        with self._database.transaction() as tx:
            tx.execute(delete(table).where(table.c.id.in_(found.rows)))
            # Deleted since it was looked at: what is written now comes after the erasure.
            erased = _erased(tx, {one.key_id for one in found.met} | {one.key_id for one in found.new_sources})
            sources.keep(tx, [one for one in found.new_sources if one.key_id not in erased])
            met = [_nameless_fact(one) if one.key_id in erased else one for one in found.met]
            raised = raise_or_keep_up(tx, met, now)
            resolve_of_keys(tx, [one.key_id for one in found.settled], (Kind.KEY_EXPIRING, Kind.KEY_UNUSED), now)
            resolve_of_keys(tx, {one.key_id for one in found.observations if one.cost}, (Kind.KEY_UNUSED,), now)
        self._sources.learn(found.observations)
        self._baseline.note(found.observations)
        metrics.alerts_raised.inc(raised)
        return raised

    def _met(self, tx: Connection, seen: Sequence[Observation], rules: Rules, new: Sequence[NewSource]) -> list[Met]:
        now = self._clock.now()
        stands = standing(tx, {one.key_id for one in seen})
        new_of = _worth_an_alert(tx, new, to_microseconds(now - timedelta(days=1)))
        found: list[Met] = []
        for asked in _rounds(seen):
            for key_id, reading in self._reader.read(tx, asked, rules, stands, now).items():
                observation = asked[key_id]
                if key_id in new_of:
                    reading = replace(reading, new_sources=new_of.pop(key_id))
                if reading.is_quiet and observation.dead is None:
                    continue
                for rule in rules.get(observation.organisation_id, ()):
                    if rule.names(key_id):
                        found += met(rule, observation, reading)
        return found

    def _concerns(self, one: Met) -> bool:
        return one.rule.label is None or self._labelled(one.rule.organisation_id, one.key_id, one.rule.label)

    def _is_any_over(self, now: datetime) -> bool:
        table = tables.alert
        over = select(table.c.id).where(table.c.resolved_at.is_(None), table.c.ends_at <= to_microseconds(now)).limit(1)
        with self._database.reading() as tx:
            return tx.execute(over).first() is not None


def _rounds(seen: Sequence[Observation]) -> list[dict[str, Observation]]:
    """One observation a key in each, in the order of time: as a rule there is one round."""
    rounds: list[dict[str, Observation]] = []
    place: dict[str, int] = {}
    for observation in sorted(seen, key=lambda one: one.minute):
        at = place[observation.key_id] = place.get(observation.key_id, -1) + 1
        if at == len(rounds):
            rounds.append({})
        rounds[at][observation.key_id] = observation
    return rounds


def _near(warnings: Sequence[ExpiryWarning], rules: Rules) -> list[Met]:
    return [
        one
        for warning in warnings
        for rule in rules.get(warning.organisation_id, ())
        if rule.names(warning.key_id)
        for one in near(rule, warning)
    ]


def _worth_an_alert(
    tx: Connection, new: Sequence[NewSource], since: int
) -> dict[str, tuple[tuple[str, ObservedRequest], ...]]:
    """key → what is new to it: not where it was used from first, and only so many a day."""
    worth = [one for one in new if not one.is_first]
    if not worth:
        return {}
    table = tables.alert
    is_counted = (table.c.kind == Kind.NEW_SOURCE.value, table.c.raised_at >= since)
    query = select(table.c.key_id, func.count()).where(
        in_values(tx, table.c.key_id, {one.key_id for one in worth}), *is_counted
    )
    raised = {key_id: int(count) for key_id, count in tx.execute(query.group_by(table.c.key_id))}
    found: dict[str, tuple[tuple[str, ObservedRequest], ...]] = {}
    for one in worth:
        before = found.get(one.key_id, ())
        if raised.get(one.key_id, 0) + len(before) < NEW_SOURCES_A_DAY_MAX:
            found[one.key_id] = (*before, (one.kind, one.seen))
    return found


def _without_erased(tx: Connection, seen: Sequence[Observation]) -> tuple[Observation, ...]:
    """Of a deleted key only what does not tell who used it."""
    erased = _erased(tx, {one.key_id for one in seen})
    return tuple(_nameless(one) if one.key_id in erased else one for one in seen)


def _erased(tx: Connection, key_ids: set[str]) -> set[str]:
    table = followed.erased_key
    return set(tx.execute(select(table.c.key_id).where(in_values(tx, table.c.key_id, key_ids))).scalars())


def _nameless_fact(one: Met) -> Met:
    """Also without the digest of what was new: there are few enough addresses to try."""
    if one.facts.address is None:
        return one
    return replace(one, fact="", facts=msgspec.structs.replace(one.facts, address="", user_agent=""))


def _nameless(one: Observation) -> Observation:
    dead = None if one.dead is None else msgspec.structs.replace(one.dead, address="", user_agent="")
    return msgspec.structs.replace(one, sources=(), dead=dead)
