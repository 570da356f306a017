"""`grillo migrate`: brings the services' databases to the newest schema, once, as the role that owns their tables."""

from collections.abc import Iterable
from typing import Annotated

import typer

from services.cli.arguments import AsJson, service_named
from services.cli.failure import Failure
from services.cli.output import print_json
from services.service_registry import SERVICES


def migrate(
    service: Annotated[str | None, typer.Argument(metavar="SERVICE", help="One service alone; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring databases to the newest schema, before services that may not do so themselves start.

    KEYS_OWNER_DATABASE_URL (AUTH_…, USAGE_…, SENSORS_…) is the owner's; for one service alone DATABASE_URL will do.
    """
    if service is not None:
        settings = {service_named(service).name: _setting(service, ("DATABASE_URL",))}
    else:
        settings = {name: _setting(name) for name in SERVICES}  # all there, before anything is changed
    for name, setting in settings.items():
        migrate_at(name, setting)
        if not as_json:
            typer.echo(f"{name}: its schema is up to date")
    if as_json:
        print_json({"migrated": list(settings)})


def migrate_at(service: str, setting: str) -> None:
    """Migrates the database that `setting` is the address of, as far as its role may. Raises Failure."""
    from services.distributed.migration import migrate_database
    from shared.environment import text
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.sql.availability import DatabaseUnusable
    from shared.sql.database import DatabaseUrlWrong

    try:
        migrate_database(service, setting, text(setting))
    except DatabaseUrlWrong:
        raise Failure(str(DatabaseUrlWrong(setting))) from None
    except (DatabaseUnusable, ServerUnreachable) as error:
        raise Failure(str(error)) from None


def _setting(service: str, others: Iterable[str] = ()) -> str:
    """The first of them that is set. Raises Failure, or SettingWrong."""

    own = f"{service.upper()}_OWNER_DATABASE_URL"
    from shared.environment import text

    for name in (own, *others):
        if text(name):
            return name
    raise Failure(f"{own} is not set; set it to postgresql+psycopg://{service}_owner:PASSWORD@HOST/{service}.")
