"""`grillo rebuild SERVICE`: makes a service's read models again from the log of keys, while everything runs.

On a data folder (--data), or in a service's own container, by its settings.
"""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failure import Failure

_SERVICES = ("keys", "auth")


def rebuild(
    service: Annotated[str, typer.Argument(help="keys or auth.")],
    data: Annotated[Path, typer.Option(help="The data folder of `grillo up`; DATABASE_URL goes before.")] = Path(
        "data"
    ),
) -> None:
    """Make a service's read models again from the log."""
    if service not in _SERVICES:
        raise typer.BadParameter(f"{service} is not one of {', '.join(_SERVICES)}", param_hint="SERVICE")
    began = time.monotonic()
    events = _rebuild(service, data)
    typer.echo(f"{service}: rebuilt from {events} events in {time.monotonic() - began:.1f} s")


def _rebuild(service: str, data: Path) -> int:
    from services.auth import assembly as auth
    from services.cli.organisation import keys_service
    from services.distributed import composition
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from shared.clock import SystemClock
    from shared.database import Database
    from shared.feed import FeedUnavailable
    from shared.settings import SettingWrong, read_settings

    clock = SystemClock()
    try:
        if service == "keys":
            return keys_service(data).rebuild()
        if os.environ.get("DATABASE_URL"):
            settings = read_settings()
            return auth.assemble(Database(settings.database_url), composition.keys_feed(settings), clock).rebuild()
        feed = keys_service(data).feed
        return auth.assemble(DataFolder(data).existing_database("auth"), feed, clock).rebuild()
    except (DataFolderUnusable, SettingWrong, FeedUnavailable) as error:
        raise Failure(str(error)) from None
