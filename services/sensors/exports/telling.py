"""Tells usage of exports that ended, which tells the organisation's channels.

At least once: the row is marked when the bus has the message. Two workers may both tell; usage enqueues it once.
"""

from collections.abc import Callable

import structlog

from services.sensors.exports.export import Export
from services.sensors.exports.export_store import ExportStore
from shared.contracts.sensors import ExportEnded
from shared.replication.relay import BusUnavailable

AT_ONCE_MAX = 100
Tell = Callable[[ExportEnded], None]
"""Returns when the message is on the bus. Raises BusUnavailable."""
_log = structlog.get_logger(__name__)


def nobody_to_tell(_ended: ExportEnded) -> None:
    raise BusUnavailable("nobody is told of exports")


class ExportTelling:
    def __init__(self, store: ExportStore, tell: Tell) -> None:
        self._store, self._tell = store, tell

    def run(self) -> None:
        """Tells of what is untold, oldest first; the rest waits where the bus is away."""
        for export in self._store.untold(AT_ONCE_MAX):
            try:
                self._tell(_ended(export))
            except BusUnavailable as error:
                _log.warning("exports_not_told", detail=str(error))
                return
            self._store.note_told(export.id)


def _ended(export: Export) -> ExportEnded:
    request, finished_at = export.request, export.finished_at
    if finished_at is None:
        raise ValueError("not ended")
    return ExportEnded(
        export_id=export.id,
        organisation_id=request.organisation_id,
        key_id=request.key_id,
        format=request.format.value,
        finished_at=finished_at,
        expires_at=export.expires_at,
        bytes=export.bytes,
        sha256=export.sha256,
        fault=export.fault,
    )
