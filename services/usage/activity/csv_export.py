"""CSV export of a timeline (RFC 4180), streamed in chunks, safe to open in a spreadsheet.

UTF-8 with a byte order mark: without one a spreadsheet reads the file in the encoding of its own system.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from services.usage.activity.timeline import TimelineEntry
from shared.values.timestamps import rfc3339

CONTENT_TYPE = "text/csv; charset=utf-8"
COLUMNS = (
    "at",
    "kind",
    "what",
    "route",
    "status",
    "problem",
    "address",
    "user_agent",
    "duration_ms",
    "request_id",
    "actor",
    "requests",
    "on_behalf_of",
    "secret_hint",
)
_CHUNK_CHARACTERS = 16 * 1024
_BYTE_ORDER_MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: Iterable[TimelineEntry], *, begins: bool = True) -> Iterator[bytes]:
    """The file in chunks of about 16 KiB, header first. `what`: the method of a request, or the type of an event.

    `begins`: these are its first entries; if not, the header is in the file already.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if begins:
        text.write(_BYTE_ORDER_MARK)
        writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow(_inert(cell) for cell in _cells(entry))
        if text.tell() >= _CHUNK_CHARACTERS:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _cells(entry: TimelineEntry) -> tuple[object, ...]:
    at, request = rfc3339(entry.at), entry.request
    if request is None:
        event = entry.lifecycle or {}
        by = (event["request_id"] or "", event["actor"], "", event.get("on_behalf_of") or "", "")
        return (at, "lifecycle", event["type"], "", "", "", "", "", "", *by)
    return (
        at,
        "request",
        request.method,
        request.route,
        request.status,
        request.problem or "",
        request.address,
        request.user_agent,
        request.duration_ms,
        request.request_id,
        "",
        request.requests,
        "",
        request.secret_hint or "",
    )


def _inert(cell: object) -> object:
    """Guards against CSV injection: a text chosen by a caller, such as a user agent, must not be read as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
