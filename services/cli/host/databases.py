"""The database of a service that a command on the host works on: DATABASE_URL's, or that of a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.failure import Failure

if TYPE_CHECKING:
    from shared.sql.database import Database


def open_database(service: str, data: Path) -> "Database":
    """Raises Failure."""
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from shared.environment import text
    from shared.sql.database import Database

    url = text("DATABASE_URL")
    try:
        return Database(url) if url else DataFolder(data).existing_database(service)
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
