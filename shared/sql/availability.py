"""Whether a database can be used at a service's start: waited for while it is away, named when its schema is wrong."""

from sqlalchemy.exc import SQLAlchemyError

from shared.runtime.wait_for_servers import address, await_server
from shared.sql.database import Database


class DatabaseUnusable(Exception):
    """It answers, and its schema cannot be used or brought up to date."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"DATABASE_URL: {address(url)} cannot be migrated: {reason}")


def await_database(database: Database, url: str) -> None:
    """Raises ServerUnreachable."""

    def connect() -> None:
        with database.engine.connect():
            pass

    await_server("DATABASE_URL", url, connect, (SQLAlchemyError, OSError))
