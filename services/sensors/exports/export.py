"""An export as it is asked for and as it stands. Pure."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT = timedelta(hours=24)
"""How long a finished file can be downloaded."""


class ExportFormat(enum.StrEnum):
    """SDS: a tar archive of miniSEED files a channel and day, in the folders of the SeisComP Data Structure."""

    SDS = "sds"
    MINISEED = "miniseed"
    CSV = "csv"

    @property
    def ending(self) -> str:
        return {ExportFormat.SDS: "tar", ExportFormat.MINISEED: "mseed", ExportFormat.CSV: "csv"}[self]

    @property
    def media_type(self) -> str:
        return {
            ExportFormat.SDS: "application/x-tar",
            ExportFormat.MINISEED: "application/vnd.fdsn.mseed",
            ExportFormat.CSV: "text/csv; charset=utf-8",
        }[self]


class ExportStatus(enum.StrEnum):
    WAITING = "waiting"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class Fault(enum.StrEnum):
    """Why an export failed, where it is not the name of the refusal that its key would get.

    Gone: deleted, or no longer the key's to see; the key is not told which.
    """

    SENSOR_GONE = "sensor-gone"
    TOO_LARGE = "too-large"
    NO_SPACE = "no-space"
    DAMAGED = "damaged-samples"
    CRASHED = "internal-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is asked for: samples in [start, end), in nanoseconds since 1970, of each sensor. `channel` None: all."""

    organisation_id: str
    key_id: str
    format: ExportFormat
    sensor_ids: tuple[str, ...]
    channel: str | None
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`fault`: why it failed. `expires_at`: until when its file can be had."""

    id: str
    request: ExportRequest
    status: ExportStatus
    percent: int
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    fault: str | None
    bytes: int | None
    sha256: str | None

    @property
    def file_name(self) -> str:
        return f"{self.id}.{self.request.format.ending}"
