"""`grillo rebuild SERVICE`: makes a service's read models again, while everything runs.

Those of keys and auth from the log of keys; those of usage, its counters, from the requests that it keeps. On a data
folder (--data), or on the service's own settings.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli.arguments import Data, service_named
from services.cli.failure import Failure
from services.cli.host.databases import open_database


def rebuild(
    service: Annotated[str, typer.Argument(help="keys, auth or usage.")],
    data: Data = Path("data"),
) -> None:
    """Make a service's read models again from its log."""
    service_named(service, lambda known: known.is_rebuilt)
    began = time.monotonic()
    if service == "usage":
        days = _rebuild_usage(data)
        typer.echo(f"usage: rebuilt {days} days in {time.monotonic() - began:.1f} s")
        return
    events = _rebuild(service, data)
    typer.echo(f"{service}: rebuilt from {events} events in {time.monotonic() - began:.1f} s")


def _rebuild(service: str, data: Path) -> int:
    from services.auth import assembly as auth
    from services.cli.host.organisation import keys_service
    from services.distributed import composition
    from shared.environment import SettingWrong, text
    from shared.replication.feed import FeedUnavailable
    from shared.runtime.clock import SystemClock
    from shared.settings import read_settings
    from shared.sql.database import Database

    clock = SystemClock()
    try:
        if service == "keys":
            return keys_service(data).rebuild()
        if text("DATABASE_URL"):
            settings = read_settings()
            feed = composition.keys_feed(settings, clock)
            return auth.assemble(Database(settings.database_url), feed, clock).rebuild()
        return auth.assemble(open_database("auth", data), keys_service(data).feed, clock).rebuild()
    except (SettingWrong, FeedUnavailable) as error:
        raise Failure(str(error)) from None


def _rebuild_usage(data: Path) -> int:
    """Says of each day whether its counters were what its requests add up to."""
    from services.usage.assembly import MIGRATIONS
    from services.usage.rebuild import rebuild
    from shared.sql.migrations import migrate

    database = open_database("usage", data)
    migrate(database, MIGRATIONS)
    days = 0
    for rebuilt in rebuild(database):
        days += 1
        typer.echo(f"{rebuilt.day}: {f'{rebuilt.differences} rows differed' if rebuilt.differences else 'equal'}")
        for told in rebuilt.told:
            typer.echo(f"  {told}")
    return days
