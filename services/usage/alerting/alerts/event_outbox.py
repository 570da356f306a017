"""Outbox: AlertRaised and AlertResolved, published at least once, in the order in which they were written."""

from typing import Any

import msgspec
import structlog
from sqlalchemy import delete, select

from services.usage.alerting import tables
from shared.messaging.publishing import EventPublisher
from shared.replication.relay import BusUnavailable
from shared.sql.database import Database

_PAGE = 100
_NEXT = select(tables.announcement).order_by(tables.announcement.c.id).limit(_PAGE)
_log = structlog.get_logger(__name__)


class EventOutbox:
    def __init__(self, database: Database, publisher: EventPublisher) -> None:
        self._database, self._publisher = database, publisher

    def run(self) -> int:
        """Publishes what is in the outbox. Answers how many; stops, and logs it, when the bus is unavailable."""
        table, published = tables.announcement, 0
        while True:
            with self._database.reading(once=True) as tx:
                rows = tx.execute(_NEXT).all()
            published_ids: list[int] = []
            try:
                for row in rows:
                    body: dict[str, Any] = msgspec.json.decode(row.body)
                    self._publisher.publish(row.type, body)
                    published_ids.append(row.id)
            except BusUnavailable as error:
                _log.warning("alerts_not_announced", detail=str(error))
            if published_ids:
                with self._database.transaction() as tx:
                    tx.execute(delete(table).where(table.c.id.in_(published_ids)))
            published += len(published_ids)
            if len(published_ids) < _PAGE:
                return published
