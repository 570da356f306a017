"""Evaluator of alert rules: takes observations off a queue, measures, decides, asks keys about labels, then writes.

In this order, since no RPC may run inside a transaction. What a crash interrupts is evaluated again; an alert is
raised once, so that does no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, bindparam, delete, func, select

from services.usage.alerting import tables
from services.usage.alerting.alerts.alert_lifecycle import (
    OpenAlerts,
    find_open_alerts,
    is_any_over,
    raise_or_keep_up,
    resolve_of_keys,
    resolve_over,
)
from services.usage.alerting.alerts.facts import Met
from services.usage.alerting.evaluation import known_sources
from services.usage.alerting.evaluation.conditions import met
from services.usage.alerting.evaluation.expiry_warnings import met_by_warnings
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
from services.usage.known_keys.erased_keys import erased_of
from shared.gate.grants.grant import Limits
from shared.observability import metrics
from shared.runtime.clock import Clock
from shared.sql.database import AWAY, Database
from shared.sql.in_values import in_values
from shared.values.timestamps import to_microseconds

ROWS_AT_ONCE = 25
NEW_SOURCES_A_DAY_MAX = 10
_QUEUED = select(tables.pending_evaluation).order_by(tables.pending_evaluation.c.id).limit(ROWS_AT_ONCE)
_DELETE_QUEUED = delete(tables.pending_evaluation).where(
    tables.pending_evaluation.c.id.in_(bindparam("rows", expanding=True))
)
CarriesLabel = Callable[[str, str, str], bool]  # organisation, key, label → whether the key carries it
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """Result of evaluating some rows of the queue, before it is written."""

    rows: tuple[int, ...]
    met: tuple[Met, ...]
    new_sources: tuple[NewSource, ...]
    observations: tuple[Observation, ...]
    settled: tuple[ExpiryCleared, ...]
    used_again: tuple[str, ...]  # keys of which an alert says that they are not used


class Evaluator:
    """One caller at a time, which a nameko timer is: it keeps caches that are not for threads."""

    def __init__(
        self, database: Database, policy: Mapping[str, Limits], carries_label: CarriesLabel, clock: Clock
    ) -> None:
        """`policy`: tier → limits."""
        self._database, self._carries_label, self._clock = database, carries_label, clock
        self._reader, self._sources, self._baseline = (
            MeasurementReader(policy),
            KnownSources(),
            HourlyBaseline(database),
        )

    def run(self) -> int:
        """Evaluates everything in the queue. Answers how many alerts were raised."""
        raised, is_more = 0, True
        while is_more:
            rows = self._queued()
            is_more = len(rows) == ROWS_AT_ONCE
            try:
                raised += self._evaluate(rows) if rows else 0
            except AWAY:
                raise
            except Exception:
                raised += self._one_by_one(rows)
        return raised

    def settle(self) -> None:
        """What happens by time alone: stores the hourly baseline, and resolves alerts whose end has passed."""
        now = self._clock.now()
        self._baseline.keep(now, self._clock.trusted_now())
        if self._is_any_over(now):
            with self._database.transaction() as tx:
                resolve_over(tx, now)

    def _queued(self) -> Sequence[Row[Any]]:
        with self._database.reading(once=True) as tx:
            return tx.execute(_QUEUED).all()

    def _evaluate(self, rows: Sequence[Row[Any]]) -> int:
        found = self._look(rows)
        # Labels are asked for over RPC: after the reading transaction and before the writing one.
        return self._write(replace(found, met=tuple(one for one in found.met if self._applies(one))))

    def _one_by_one(self, rows: Sequence[Row[Any]]) -> int:
        """Evaluates row by row, and drops each row that fails, so that it does not block the queue for ever."""
        raised = 0
        for row in rows:
            try:
                raised += self._evaluate([row])
            except AWAY:
                raise
            except Exception:
                _log.exception("evaluation_failed", row=row.id)
                metrics.evaluations_failed.inc()
                with self._database.transaction() as tx:
                    tx.execute(_DELETE_QUEUED, {"rows": (row.id,)})
        return raised

    def _look(self, rows: Sequence[Row[Any]]) -> _Findings:
        pending: list[Any] = [msgspec.json.decode(row.body, type=QueuedItem) for row in rows]
        warnings = [one for one in pending if isinstance(one, ExpiryWarning)]
        batches = [one for one in pending if isinstance(one, ObservedBatch)]
        with self._database.reading() as tx:
            seen = _without_erased(tx, merged(observation for batch in batches for observation in batch.observations))
            rules = rules_of(tx, {one.organisation_id for one in seen} | {one.organisation_id for one in warnings})
            new = self._sources.new(tx, seen)
            open_alerts = find_open_alerts(tx, {one.key_id for one in seen})
            found = [*self._met(tx, seen, rules, new, open_alerts), *met_by_warnings(tx, warnings, rules)]
        unused = open_alerts.keys(Kind.KEY_UNUSED)
        return _Findings(
            rows=tuple(row.id for row in rows),
            met=tuple(found),
            new_sources=new,
            observations=seen,
            settled=tuple(one for one in pending if isinstance(one, ExpiryCleared)),
            used_again=tuple(one.key_id for one in seen if one.cost and one.key_id in unused),
        )

    def _write(self, found: _Findings) -> int:
        now = self._clock.now()
        with self._database.transaction() as tx:
            tx.execute(_DELETE_QUEUED, {"rows": found.rows})
            # A key may have been deleted since the reading: what is written now comes after its erasure.
            erased = erased_of(tx, {one.key_id for one in found.met} | {one.key_id for one in found.new_sources})
            known_sources.keep(tx, [one for one in found.new_sources if one.key_id not in erased])
            met = [_anonymous_fact(one) if one.key_id in erased else one for one in found.met]
            raised = raise_or_keep_up(tx, met, now)
            resolve_of_keys(tx, [one.key_id for one in found.settled], (Kind.KEY_EXPIRING, Kind.KEY_UNUSED), now)
            resolve_of_keys(tx, found.used_again, (Kind.KEY_UNUSED,), now)
        self._sources.learn(found.observations)
        self._baseline.note(found.observations)
        metrics.alerts_raised.inc(raised)
        return raised

    def _met(
        self,
        tx: Connection,
        seen: Sequence[Observation],
        rules: Rules,
        new: Sequence[NewSource],
        open_alerts: OpenAlerts,
    ) -> list[Met]:
        now = self._clock.now()
        new_of = _alerting_sources(tx, new, to_microseconds(now - timedelta(days=1)))
        found: list[Met] = []
        for asked in _rounds(seen):
            for key_id, reading in self._reader.read(tx, asked, rules, open_alerts, now).items():
                observation = asked[key_id]
                if key_id in new_of:
                    reading = replace(reading, new_sources=new_of.pop(key_id))
                if reading.is_quiet and observation.dead is None:
                    continue
                for rule in rules.get(observation.organisation_id, ()):
                    if rule.names(key_id):
                        found += met(rule, observation, reading)
        return found

    def _applies(self, one: Met) -> bool:
        return one.rule.label is None or self._carries_label(one.rule.organisation_id, one.key_id, one.rule.label)

    def _is_any_over(self, now: datetime) -> bool:
        with self._database.reading(once=True) as tx:
            return is_any_over(tx, now)


def _rounds(seen: Sequence[Observation]) -> list[dict[str, Observation]]:
    """Splits observations into rounds of at most one for each key, in order of time. Usually there is one round."""
    rounds: list[dict[str, Observation]] = []
    place: dict[str, int] = {}
    for observation in sorted(seen, key=lambda one: one.minute):
        at = place[observation.key_id] = place.get(observation.key_id, -1) + 1
        if at == len(rounds):
            rounds.append({})
        rounds[at][observation.key_id] = observation
    return rounds


def _alerting_sources(
    tx: Connection, new: Sequence[NewSource], since: int
) -> dict[str, tuple[tuple[str, ObservedRequest], ...]]:
    """key → new sources to alert about: not the key's first ones, and at most NEW_SOURCES_A_DAY_MAX a day."""
    later = [one for one in new if not one.is_first]
    if not later:
        return {}
    table = tables.alert
    is_counted = (table.c.kind == Kind.NEW_SOURCE.value, table.c.raised_at >= since)
    query = select(table.c.key_id, func.count()).where(
        in_values(tx, table.c.key_id, {one.key_id for one in later}), *is_counted
    )
    raised = {key_id: int(count) for key_id, count in tx.execute(query.group_by(table.c.key_id))}
    found: dict[str, tuple[tuple[str, ObservedRequest], ...]] = {}
    for one in later:
        before = found.get(one.key_id, ())
        if raised.get(one.key_id, 0) + len(before) < NEW_SOURCES_A_DAY_MAX:
            found[one.key_id] = (*before, (one.kind, one.seen))
    return found


def _without_erased(tx: Connection, seen: Sequence[Observation]) -> tuple[Observation, ...]:
    """The observations, without address and user agent where the key is deleted."""
    erased = erased_of(tx, {one.key_id for one in seen})
    return tuple(_anonymous(one) if one.key_id in erased else one for one in seen)


def _anonymous_fact(one: Met) -> Met:
    """Without address, user agent and digest: a digest of an address could be reversed by trying all addresses."""
    if one.facts.address is None:
        return one
    return replace(one, family="", facts=msgspec.structs.replace(one.facts, address="", user_agent=""))


def _anonymous(one: Observation) -> Observation:
    dead = None if one.dead is None else msgspec.structs.replace(one.dead, address="", user_agent="")
    return msgspec.structs.replace(one, sources=(), dead=dead)
