"""Wait for the database at a service's start. It is waited for while away; an unusable schema is an error at once."""

from sqlalchemy.exc import SQLAlchemyError

from shared.runtime.wait_for_servers import address, await_server
from shared.sql.database import Database


class DatabaseUnusable(Exception):
    """The database answers, but its schema cannot be used or brought up to date."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"DATABASE_URL: {address(url)} cannot be migrated: {reason}")


def await_database(database: Database, url: str) -> None:
    """Returns once the database takes connections. Raises ServerUnreachable."""

    def connect() -> None:
        with database.engine.connect():
            pass

    await_server("DATABASE_URL", url, connect, (SQLAlchemyError, OSError))
