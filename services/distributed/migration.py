"""Migration of a service's database before its processes start. It imports nothing of the service: starts wait."""

from sqlalchemy.exc import DBAPIError

from services.service_registry import SERVICES
from shared.sql.availability import DatabaseUnusable, await_database
from shared.sql.database import Database
from shared.sql.migrations import SchemaIsNewer, SchemaIsOlder, migrate


def migrate_database(service: str, setting: str, url: str) -> None:
    """Waits for the database, and migrates it as far as its role may. Raises ServerUnreachable or DatabaseUnusable.

    `setting`: the name of what told the URL.
    """
    database = Database(url)
    await_database(database, url, setting)
    try:
        migrate(database, SERVICES[service].migrations)
    except (SchemaIsNewer, SchemaIsOlder) as error:
        raise DatabaseUnusable(setting, url, str(error)) from None
    except DBAPIError as error:
        raise DatabaseUnusable(setting, url, type(error.orig).__name__) from error
    finally:
        database.close()
