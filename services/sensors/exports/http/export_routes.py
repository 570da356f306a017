"""Routes of exports."""

from services.sensors.exports.exports import Exports
from services.sensors.exports.http.export_resources import ExportCollection, ExportItem
from services.sensors.exports.http.file_resource import ExportFile
from services.sensors.registry.queries import SensorQueries
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


def routes(queries: SensorQueries, exports: Exports, still: StillAdmitted) -> list[Route]:
    return [
        Route("/v1/exports", ExportCollection(queries, exports.store, still)),
        Route("/v1/exports/{export_id}", ExportItem(queries, exports.store)),
        Route("/v1/exports/{export_id}/file", ExportFile(queries, exports.store, exports.files, exports.clock)),
    ]
