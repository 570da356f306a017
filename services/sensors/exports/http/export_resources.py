"""HTTP resources of exports: ask for one, list them, look at one.

A key sees its own; an admin key its organisation's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from services.sensors.exports.export import Export, ExportRequest, ExportStatus
from services.sensors.exports.export_store import UNFINISHED_MAX, ExportStore, TooManyExports
from services.sensors.exports.http.export_schema import (
    ExportAnswerSchema,
    ExportBody,
    ExportBodySchema,
    ExportPageSchema,
)
from services.sensors.http.product_form import Listed, NumberedPageQuery, NumberedPageQuerySchema, page, shown
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.recordings.time_range import time_range
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import visible_to
from shared.gate.grants.grant import Grant
from shared.values.identifiers import new_id
from shared.values.timestamps import from_nanoseconds, rfc3339
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.still_admitted import StillAdmitted

RANGE_MAX = timedelta(days=366)


class ExportCollection:
    def __init__(self, queries: SensorQueries, store: ExportStore, still: StillAdmitted) -> None:
        self._queries, self._store, self._still = queries, store, still

    @operation(
        "List exports, newest first",
        tag="Exports",
        permission="sensors:read",
        query=NumberedPageQuerySchema,
        answers=ExportPageSchema,
    )
    def on_get(self, call: Call[NumberedPageQuery, None]) -> Answer:
        query = call.query
        found, place, total = self._store.page(
            call.caller.organisation_id, own_only(call.caller), query.limit, query.after(int, str), query.offset
        )
        return page(call, Listed(items=_shown(self._queries, call.caller, found), place=place, total=total))

    def _repeated(self, call: Call[Any, Any], export_id: str) -> Answer:
        return shown(call, _one(self._queries, self._store, call.caller, export_id))

    @operation(
        "Ask for long ranges of recordings as one file, which is made in the background",
        tag="Exports",
        permission="sensors:read",
        body=ExportBodySchema,
        answers=ExportAnswerSchema,
        status=201,
        problems=("outside-organisation", "range-too-long", "conflict"),
        repeated=_repeated,
        example={
            "sensor_ids": ["sen_…"],
            "start": "2026-11-01T00:00:00Z",
            "end": "2026-11-08T00:00:00Z",
            "format": "sds",
        },
    )
    def on_post(self, call: Call[None, ExportBody]) -> Answer:
        body, visible = call.body, visible_to(call.caller)
        wanted = time_range(body.start, body.end, None, RANGE_MAX)
        sensor_ids = tuple(dict.fromkeys(body.sensor_ids))
        for sensor_id in sensor_ids:
            visible_sensor(self._queries, visible, sensor_id)
        request = ExportRequest(
            organisation_id=call.caller.organisation_id,
            key_id=call.caller.key_id,
            format=body.format,
            sensor_ids=sensor_ids,
            channel=body.channel,
            start_ns=wanted.start_ns,
            end_ns=wanted.end_ns,
        )
        export_id = new_id("exp")
        try:
            self._store.ask(export_id, request, self._still.check_of(call))
        except TooManyExports:
            detail = f"the organisation has {UNFINISHED_MAX} exports that are not finished: wait for one of them"
            raise Problem("conflict", detail) from None
        told = _one(self._queries, self._store, call.caller, export_id)
        return shown(call, told, status=201, headers={"Location": f"/v1/exports/{export_id}"})


class ExportItem:
    def __init__(self, queries: SensorQueries, store: ExportStore) -> None:
        self._queries, self._store = queries, store

    @operation(
        "Show how far an export is",
        tag="Exports",
        permission="sensors:read",
        answers=ExportAnswerSchema,
        problems=("not-found",),
    )
    def on_get(self, call: Call[None, None], export_id: str) -> Answer:
        return shown(call, _one(self._queries, self._store, call.caller, export_id))


def export_of(store: ExportStore, caller: Grant, export_id: str) -> Export:
    """Raises Problem, the same whether the export is another's or is nowhere."""
    found = store.get(export_id, caller.organisation_id, own_only(caller))
    if found is None:
        raise Problem("not-found")
    return found


def own_only(caller: Grant) -> str | None:
    """The key whose exports alone the caller sees; None: it sees its organisation's."""
    return None if caller.permits("admin") else caller.key_id


def _one(queries: SensorQueries, store: ExportStore, caller: Grant, export_id: str) -> dict[str, Any]:
    """Raises Problem."""
    (told,) = _shown(queries, caller, [export_of(store, caller, export_id)])
    return told


def _shown(queries: SensorQueries, caller: Grant, exports: Sequence[Export]) -> list[dict[str, Any]]:
    """Without the sensors that the caller may not see, or no longer."""
    named = {sensor_id for export in exports for sensor_id in export.request.sensor_ids}
    seen = queries.visible_of(visible_to(caller), named) if named else frozenset()
    return [_told(export, [one for one in export.request.sensor_ids if one in seen]) for export in exports]


def _told(export: Export, sensor_ids: Sequence[str]) -> dict[str, Any]:
    request = export.request
    return {
        "id": export.id,
        "status": export.status,
        "percent": export.percent,
        "format": request.format,
        "sensor_ids": sensor_ids,
        "channel": request.channel,
        "start": rfc3339(from_nanoseconds(request.start_ns)),
        "end": rfc3339(from_nanoseconds(request.end_ns)),
        "key_id": request.key_id,
        **msgspec.to_builtins({name: getattr(export, name) for name in ("created_at", "finished_at", "expires_at")}),
        "fault": export.fault,
        "bytes": export.bytes,
        "sha256": export.sha256,
        "file": f"/v1/exports/{export.id}/file" if export.status is ExportStatus.READY else None,
    }
