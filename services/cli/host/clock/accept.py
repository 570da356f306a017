"""`grillo clock show` and `accept`: when the clock was last beyond doubt, and that it is right as it is now.

For all services of a data folder (--data), or for the one whose DATABASE_URL is set.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from services.cli.arguments import AsJson, Data
from services.cli.host.databases import open_database
from services.cli.output import print_json

if TYPE_CHECKING:
    from shared.sql.clocks.clock_watch import ClockWatch

_WATCHED = ("keys", "usage", "sensors")
app = typer.Typer(help="The wall clock, when it is in doubt: nothing is deleted or expired then.", no_args_is_help=True)


@app.command()
def show(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """Whether the clock is in doubt, since when, and what it said."""
    _tell(_each(data, lambda watch: None), as_json)


@app.command()
def accept(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """Say that this machine's clock is right: retention, sweeps and expiries go on within a minute."""
    _tell(_each(data, lambda watch: watch.accept()), as_json)


def _each(data: Path, act: "Callable[[ClockWatch], None]") -> list[dict[str, Any]]:
    """What is known of each service's clock, after `act`."""
    from shared.environment import text
    from shared.runtime.clock import SystemClock
    from shared.sql.clocks.clock_watch import ClockWatch
    from shared.values.timestamps import rfc3339

    told: list[dict[str, Any]] = []
    for service in _WATCHED[:1] if text("DATABASE_URL") else _WATCHED:
        database = open_database(service, data)
        watch = ClockWatch(service, database, _table(), SystemClock())
        act(watch)
        doubted = watch.doubted()
        database.close()
        trusted, said = (None, None) if doubted is None else map(rfc3339, doubted)
        name = "service" if text("DATABASE_URL") else service
        told.append({"service": name, "in_doubt": doubted is not None, "trusted_at": trusted, "says": said})
    return told


def _table() -> Any:
    from sqlalchemy import MetaData

    from shared.sql.clocks.clock_watch import clock_reading_table

    return clock_reading_table(MetaData())


def _tell(told: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for one in told:
        if one["in_doubt"]:
            since = f"last beyond doubt at {one['trusted_at']}, says {one['says']}"
            typer.echo(f"{one['service']}: in doubt: {since}; nothing is deleted or expired")
        else:
            typer.echo(f"{one['service']}: beyond doubt")
