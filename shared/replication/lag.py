"""How far a log is, how far its publication, and how far who follows it: for rules that compare them."""

from collections.abc import Iterable

from prometheus_client import Metric
from sqlalchemy import MetaData, select

from shared.observability.at_scrape import Measure, gauge
from shared.sql.database import Database


def of_log(name: str, database: Database, metadata: MetaData) -> Measure:
    """`name`: of the log's service."""
    head, relay = metadata.tables["log_head"], metadata.tables["relay_cursor"]

    def log() -> Iterable[Metric]:
        with database.reading() as tx:
            position = tx.execute(select(head.c.position)).scalar() or 0
            published = tx.execute(select(relay.c.position)).scalar() or 0
        yield gauge("grillo_log_position", "The position of the log's last event.", "log", {name: position})
        yield gauge("grillo_relay_position", "The last event of the log that the bus took.", "log", {name: published})

    return log


def of_follower(database: Database, metadata: MetaData) -> Measure:
    """Of all that follow in this database; each follows the log of keys."""
    checkpoint = metadata.tables["checkpoint"]

    def follower() -> Iterable[Metric]:
        with database.reading() as tx:
            rows = tx.execute(select(checkpoint.c.follower, checkpoint.c.position)).all()
        positions = {row.follower: float(row.position) for row in rows}
        yield gauge("grillo_follower_position", "The last event of keys' log that is applied.", "follower", positions)

    return follower
