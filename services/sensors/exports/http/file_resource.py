"""HTTP resource of an export's file: whole, or the range of bytes that a resumed download asks for.

Who may have it is asked when a download begins: the gate about the key, and here about each of its sensors. One that
was admitted may finish.
"""

import base64

from services.sensors.exports.export import Export, ExportStatus
from services.sensors.exports.export_files import ExportFiles, chunks
from services.sensors.exports.export_store import ExportStore
from services.sensors.exports.http.byte_range import NotSatisfiable, asked_bytes
from services.sensors.exports.http.export_resources import export_of
from services.sensors.exports.http.export_schema import ExportAnswerSchema
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import visible_to
from shared.runtime.clock import Clock
from shared.web.conditions.entity_tags import is_known
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem


class ExportFile:
    def __init__(self, queries: SensorQueries, store: ExportStore, files: ExportFiles, clock: Clock) -> None:
        self._queries, self._store, self._files, self._clock = queries, store, files, clock

    @operation(
        "Download the file of an export",
        tag="Exports",
        permission="sensors:read",
        answers=ExportAnswerSchema,
        problems=("not-found", "outside-organisation", "conflict", "range-not-satisfiable"),
        name="downloadExport",
        ranged=True,
    )
    def on_get(self, call: Call[None, None], export_id: str) -> Answer:
        export = export_of(self._store, call.caller, export_id)
        visible = visible_to(call.caller)
        for sensor_id in export.request.sensor_ids:
            visible_sensor(self._queries, visible, sensor_id)
        if export.status in (ExportStatus.WAITING, ExportStatus.MAKING):
            raise Problem("conflict", "the export is not finished yet: look at its percent, and come again")
        if export.bytes is None or export.expires_at is None or self._clock.now() >= export.expires_at:
            raise Problem("not-found", "the export has no file, or no longer: ask for it again")
        return self._answer(call, export, export.bytes)

    def _answer(self, call: Call[None, None], export: Export, size: int) -> Answer:
        tag = f'"{export.sha256}"'
        # Before a range is looked at (RFC 9110, section 13.2.2).
        if call.if_none_match is not None and is_known(tag, call.if_none_match):
            return Answer(body=b"", status=304, headers={"ETag": tag})
        digest = base64.b64encode(bytes.fromhex(export.sha256 or "")).decode()
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Disposition": f'attachment; filename="{export.file_name}"',
            "ETag": tag,
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        try:
            asked = asked_bytes(call.byte_range, call.if_range, size, tag)
        except NotSatisfiable:
            raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{size}"}) from None
        try:
            file = self._files.open(export.file_name)
        except FileNotFoundError:
            raise Problem("not-found", "the export has no file, or no longer: ask for it again") from None
        first, stop = asked or (0, size)
        headers["Content-Length"] = str(stop - first)
        if asked is not None:
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
        return Answer(
            body=b"",
            stream=chunks(file, first, stop),
            status=200 if asked is None else 206,
            headers=headers,
            content_type=export.request.format.media_type,
        )
