"""The database of a service that a command on the host works on: DATABASE_URL's, or that of a data folder."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.failure import Failure

if TYPE_CHECKING:
    from shared.sql.database import Database


EARLIER = "{} is of an earlier version: start this one, or run `grillo migrate`, and try again."


def log_to_standard_error() -> None:
    """What a command answers is alone on standard output: for programs, one line of JSON."""
    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def require_current(service: str, database: "Database") -> None:
    """For who only looks, and migrates nothing. Raises Failure."""
    from services.soundness.rows import is_current

    if not is_current(service, database):
        raise Failure(EARLIER.format(f"The database of {service}"))


def open_database(service: str, data: Path, *, to_read: bool = False) -> "Database":
    """`to_read`: of a data folder, not a byte changes. Raises Failure."""
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from shared.environment import text
    from shared.sql.database import Database

    log_to_standard_error()
    url = text("DATABASE_URL")
    try:
        return Database(url) if url else DataFolder(data).existing_database(service, to_read=to_read)
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
