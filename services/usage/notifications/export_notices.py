"""Deliveries about exports that ended: sensors tells of each at least once, and each channel gets it once."""

from sqlalchemy import select

from services.usage import tables
from services.usage.notifications.deliveries.delivery_store import OutgoingMessage, enqueue_deliveries
from services.usage.notifications.message import of_export
from shared.contracts.sensors import ExportEnded
from shared.runtime.clock import Clock
from shared.sql.database import Database


class ExportNotices:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def take(self, ended: ExportEnded) -> None:
        """Enqueues it for the channels that its organisation had when the export ended."""
        table = tables.known_key
        its = (table.c.key_id == ended.key_id, table.c.organisation_id == ended.organisation_id)
        with self._database.transaction() as tx:
            hint = tx.execute(select(table.c.hint).where(*its)).scalar_one_or_none()
            message = of_export(ended, hint)
            outgoing = OutgoingMessage(
                organisation_id=ended.organisation_id,
                message_id=message.id,
                type=message.type,
                key_id=ended.key_id,
                payload=message.payload,
            )
            enqueue_deliveries(tx, [outgoing], self._clock.now(), happened_at=ended.finished_at)
