"""`grillo rebuild SERVICE`: makes a service's read models again, while everything runs.

Those of keys and auth from the log of keys; those of usage, its counters, from the requests that it keeps. On a data
folder (--data), or on the service's own settings.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.arguments import AsJson, Data, service_named
from services.cli.failure import Failure
from services.cli.host.databases import open_database
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.usage.rebuild import Rebuilt


def rebuild(
    service: Annotated[str, typer.Argument(help="keys, auth or usage.")],
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Make a service's read models again from its log."""
    service_named(service, lambda known: known.is_rebuilt)
    began = time.monotonic()
    if service == "usage":
        days = [_told(day, as_json) for day in _rebuild_usage(data)]
        done: dict[str, Any] = {"days": days}
        told = f"rebuilt {len(days)} days"
    else:
        events = _rebuild(service, data)
        done, told = {"events": events}, f"rebuilt from {events} events"
    seconds = time.monotonic() - began
    if as_json:
        print_json({"service": service, **done, "seconds": round(seconds, 3)})
    else:
        typer.echo(f"{service}: {told} in {seconds:.1f} s")


def _rebuild(service: str, data: Path) -> int:
    from services.auth import assembly as auth
    from services.auth.grants import FOLLOWER
    from services.cli.host.organisation import keys_service
    from services.distributed.feed_of_keys import keys_feed
    from services.keys.revocation.follower_places import forget_follower_places
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
            feed = keys_feed(settings, clock)
            return auth.assemble(Database(settings.database_url), feed, clock).rebuild()
        keys = keys_service(data)
        events = auth.assemble(open_database("auth", data), keys.feed, clock).rebuild()
        with keys.database.transaction() as tx:  # what it held before, it need not know any more
            forget_follower_places(tx, (FOLLOWER,))
        return events
    except (SettingWrong, FeedUnavailable) as error:
        raise Failure(str(error)) from None


def _rebuild_usage(data: Path) -> "Iterator[Rebuilt]":
    """Day by day, as each is done."""
    from services.usage.assembly import MIGRATIONS
    from services.usage.rebuild import rebuild
    from shared.sql.migrations import migrate

    database = open_database("usage", data)
    migrate(database, MIGRATIONS)
    yield from rebuild(database)


def _told(rebuilt: "Rebuilt", as_json: bool) -> dict[str, Any]:
    """Says of a day whether its counters were what its requests add up to."""
    if not as_json:
        typer.echo(f"{rebuilt.day}: {f'{rebuilt.differences} rows differed' if rebuilt.differences else 'equal'}")
        for told in rebuilt.told:
            typer.echo(f"  {told}")
    return {"day": str(rebuilt.day), "differences": rebuilt.differences, "told": list(rebuilt.told)}
