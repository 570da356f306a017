"""AlertRaised and AlertResolved on usage's exchange: at least once, in the order in which they were written down."""

from typing import Any

import msgspec
import structlog
from sqlalchemy import delete, select

from services.usage.alerting import tables
from shared.messaging.publishing import EventPublisher
from shared.replication.relay import BusUnavailable
from shared.sql.database import Database

_PAGE = 100
_log = structlog.get_logger(__name__)


class EventOutbox:
    def __init__(self, database: Database, publisher: EventPublisher) -> None:
        self._database, self._publisher = database, publisher

    def run(self) -> int:
        """How many were published. Returns early, having logged it, when the bus is away."""
        table, published = tables.announcement, 0
        while True:
            with self._database.reading() as tx:
                rows = tx.execute(select(table).order_by(table.c.id).limit(_PAGE)).all()
            told: list[int] = []
            try:
                for row in rows:
                    body: dict[str, Any] = msgspec.json.decode(row.body)
                    self._publisher.publish(row.type, body)
                    told.append(row.id)
            except BusUnavailable as error:
                _log.warning("alerts_not_announced", detail=str(error))
            if told:
                with self._database.transaction() as tx:
                    tx.execute(delete(table).where(table.c.id.in_(told)))
            published += len(told)
            if len(told) < _PAGE:
                return published
