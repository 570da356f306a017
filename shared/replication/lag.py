"""How far a log is, how far its publication, and how far who follows it: for rules that compare them."""

import math
from collections.abc import Iterable

from prometheus_client import Metric
from sqlalchemy import MetaData, select

from shared.observability.at_scrape import Measure, gauge
from shared.sql.database import Database
from shared.values.timestamps import from_stored


def of_log(name: str, database: Database, metadata: MetaData) -> Measure:
    """`name`: of the log's service."""
    head, relay, rows = (metadata.tables[table] for table in ("log_head", "relay_cursor", "log"))
    waiting = select(rows.c.recorded_at).where(rows.c.position > select(relay.c.position).scalar_subquery())
    oldest = waiting.order_by(rows.c.position).limit(1)

    def log() -> Iterable[Metric]:
        with database.reading() as tx:
            position = tx.execute(select(head.c.position)).scalar() or 0
            published = tx.execute(select(relay.c.position)).scalar() or 0
            since = tx.execute(oldest).scalar()
        yield gauge(
            "grillo_log_position",
            "The position of the log's last event. Not: whether it is the log that it was.",
            "log",
            {name: position},
        )
        yield gauge(
            "grillo_relay_position",
            "The last event of the log that the bus took. Not: whether anybody heard it.",
            "log",
            {name: published},
        )
        yield gauge(
            "grillo_relay_oldest_timestamp_seconds",
            "When the first event was written to the log that the bus has not taken; +Inf where none waits."
            " Not: who has not heard what it took.",
            "log",
            {name: math.inf if since is None else from_stored(since).timestamp()},
        )

    return log


def of_follower(database: Database, metadata: MetaData) -> Measure:
    """Of all that follow in this database; each follows the log of keys."""
    checkpoint = metadata.tables["checkpoint"]

    def follower() -> Iterable[Metric]:
        with database.reading() as tx:
            rows = tx.execute(select(checkpoint.c.follower, checkpoint.c.position)).all()
        positions = {row.follower: float(row.position) for row in rows}
        yield gauge(
            "grillo_follower_position",
            "The last event of keys' log that is applied. Not: which before it are parked.",
            "follower",
            positions,
        )

    return follower
