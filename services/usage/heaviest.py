"""Gauges of who uses most, for dashboards: the heaviest keys and organisations by name, all others together."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection, Float, Table, cast, func, select

from services.usage import tables
from services.usage.known_keys.key_limits import day_limit_in_sql
from services.usage.notifications.tables import delivery
from shared.gate.grants.grant import Limits
from shared.observability.at_scrape import Measure, gauge
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, midnight, to_microseconds

NAMED_MAX = 20
"""How many keys and how many organisations are named: a series each, and one more for all others."""

_OTHERS = "other"


def heaviest(database: Database, policy: Mapping[str, Limits], clock: Clock) -> Measure:
    """Of the last whole minute, and of today (UTC). `policy`: tier → limits."""

    def usage() -> Iterable[Metric]:
        now = clock.now()
        minute, today = to_microseconds(now) // MINUTE_US - 1, to_microseconds(midnight(now)) // MINUTE_US
        with database.reading() as tx:
            keys, all_keys = _busiest(tx, tables.counter, "key_id", minute)
            organisations, all_organisations = _busiest(tx, tables.organisation_counter, "organisation_id", minute)
            shares = _day_shares(tx, policy, today)
            owners = _owners(tx, [*keys, *shares])
            used = _last_used(tx, [*keys, *shares])
            waiting = _waiting(tx)
        labels = ["organisation", "key"]
        by_key = GaugeMetricFamily(
            "grillo_usage_requests_last_minute",
            f"Requests of the last whole minute by the {NAMED_MAX} keys that made most, and by all others."
            " Not: what is not counted yet.",
            labels=labels,
        )
        for key_id, requests in keys.items():
            by_key.add_metric([owners.get(key_id, ""), key_id], requests)
        by_key.add_metric([_OTHERS, _OTHERS], all_keys - sum(keys.values()))
        yield by_key
        yield gauge(
            "grillo_usage_organisation_requests_last_minute",
            f"The same of the {NAMED_MAX} organisations whose keys made most, and of all others."
            " Not: what is not counted yet.",
            "organisation",
            organisations | {_OTHERS: all_organisations - sum(organisations.values())},
        )
        by_share = GaugeMetricFamily(
            "grillo_usage_day_share",
            f"Share of its day's limit that a key has spent today (UTC), for the {NAMED_MAX} keys with the largest."
            " Not: keys without such a limit.",
            labels=labels,
        )
        for key_id, share in shares.items():
            by_share.add_metric([owners.get(key_id, ""), key_id], share)
        yield by_share
        by_use = GaugeMetricFamily(
            "grillo_usage_last_used_timestamp_seconds",
            "When a key was last used, of those named by their requests or shares. Not: refusals, which are no uses.",
            labels=labels,
        )
        for key_id, at in used.items():
            by_use.add_metric([owners.get(key_id, ""), key_id], at / 1e6)
        yield by_use
        yield gauge(
            "grillo_usage_deliveries",
            "Deliveries to channels that wait, or are held. Not: those given up.",
            "status",
            waiting,
        )

    return usage


def _busiest(tx: Connection, counter: Table, owner: str, minute: int) -> tuple[dict[str, int], int]:
    """The heaviest and their requests; and the requests of all."""
    is_then = counter.c.minute == minute
    requests = func.sum(counter.c.requests)
    query = select(counter.c[owner], requests).where(is_then).group_by(counter.c[owner])
    rows = tx.execute(query.order_by(requests.desc(), counter.c[owner]).limit(NAMED_MAX)).all()
    total = tx.execute(select(requests).where(is_then)).scalar()
    return {name: int(count) for name, count in rows}, int(total or 0)


def _day_shares(tx: Connection, policy: Mapping[str, Limits], today: int) -> dict[str, float]:
    """The largest, of keys that have a limit for the day."""
    day, key, organisation = tables.counter_day, tables.known_key, tables.known_organisation
    limit = day_limit_in_sql(tx, policy)
    share = day.c.cost / cast(limit, Float)
    query = (
        select(day.c.key_id, share)
        .join(key, key.c.key_id == day.c.key_id)
        .join(organisation, organisation.c.organisation_id == key.c.organisation_id)
        .where(day.c.minute == today, day.c.cost > 0, limit > 0)
    )
    rows = tx.execute(query.order_by(share.desc(), day.c.key_id).limit(NAMED_MAX))
    return {key_id: float(value) for key_id, value in rows}


def _owners(tx: Connection, key_ids: Iterable[str]) -> dict[str, str]:
    known = tables.known_key
    rows = tx.execute(select(known.c.key_id, known.c.organisation_id).where(known.c.key_id.in_({*key_ids})))
    return {row.key_id: row.organisation_id for row in rows}


def _last_used(tx: Connection, key_ids: Iterable[str]) -> dict[str, int]:
    """Key → microseconds since 1970."""
    use = tables.last_use
    rows = tx.execute(select(use.c.key_id, use.c.at).where(use.c.key_id.in_({*key_ids})).order_by(use.c.key_id))
    return {row.key_id: row.at for row in rows}


def _waiting(tx: Connection) -> dict[str, float]:
    query = select(delivery.c.status, func.count()).where(delivery.c.status.in_(("pending", "held")))
    counted = {status: float(count) for status, count in tx.execute(query.group_by(delivery.c.status))}
    return {"pending": 0.0, "held": 0.0} | counted
