"""Wait for the database at a service's start. It is waited for while away; an unusable schema is an error at once."""

from sqlalchemy.exc import SQLAlchemyError

from shared.runtime.wait_for_servers import address, await_server
from shared.sql.database import Database


class DatabaseUnusable(Exception):
    """The database answers, but its schema cannot be used or brought up to date."""

    def __init__(self, setting: str, url: str, reason: str) -> None:
        super().__init__(f"{setting}: {address(url)} cannot be used: {reason}")


def await_database(database: Database, url: str, setting: str = "DATABASE_URL") -> None:
    """Returns once the database takes connections. Raises ServerUnreachable, which names the setting."""

    def connect() -> None:
        with database.engine.connect():
            pass

    await_server(setting, url, connect, (SQLAlchemyError, OSError))
