"""`grillo dead …`: what a service could not take in, listed, and tried again. For operators, on the host.

Two kinds: events of the log that a follower has parked, in its database; and messages among the dead letters of the
service's queues. On a data folder (--data) there are parked events only: its bus is in memory.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from services.cli.failure import Failure

if TYPE_CHECKING:
    from shared.follower import SqlFollower
    from shared.messaging.dead_letters import DeadLetters

app = typer.Typer(help="List and replay what a service could not take in.", no_args_is_help=True)
Service = Annotated[str, typer.Argument(help="keys, auth, usage or sensors.")]
Data = Annotated[Path, typer.Option(help="The data folder of `grillo up`; DATABASE_URL goes before.")]
_SERVICES = ("keys", "auth", "usage", "sensors")


@app.command("list")
def list_dead(
    service: Service,
    data: Data = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Parked events and dead letters of one service. Exit status 0 whether or not there are any."""
    from shared.relay import BusUnavailable

    parked = [parked for follower in _followers(service, data) for parked in follower.parked()]
    try:
        letters = [letter for queue in _dead_letters(service) for letter in queue.list()]
    except BusUnavailable as error:
        raise Failure(str(error)) from None
    if as_json:
        typer.echo(json.dumps({"parked": list(map(asdict, parked)), "dead_letters": list(map(asdict, letters))}))
        return
    from services.cli.output import tables

    if parked:
        table = Table("position", "stream", "type", "attempts", "error", "tried again at", box=None)
        for event in parked:
            again = event.retry_at or "when asked to"
            table.add_row(str(event.position), event.stream, event.type, str(event.attempts), event.error, again)
        tables().print(table)
    if letters:
        table = Table("queue", "type", "reason", "begins with", box=None)
        for letter in letters:
            table.add_row(letter.queue, letter.type, letter.reason, letter.beginning)
        tables().print(table)
    if not parked and not letters:
        typer.echo(f"{service}: nothing is parked and there are no dead letters.")


@app.command()
def replay(
    service: Service,
    stream: Annotated[str | None, typer.Argument(help="Only this stream's parked events.")] = None,
    data: Data = Path("data"),
) -> None:
    """Try again all that is parked, in order, and give dead letters back. Exit status 1 if a stream stays parked."""
    from shared.relay import BusUnavailable

    left = False
    for follower in _followers(service, data):
        parked = follower.parked()
        for name in dict.fromkeys(event.stream for event in parked if stream in (None, event.stream)):
            done = follower.replay(name)
            left = left or not done
            typer.echo(f"{name}: {'applied' if done else 'still does not apply'}")
    if stream is None:
        try:
            for queue in _dead_letters(service):
                if replayed := queue.replay():
                    typer.echo(f"{queue.name}: {replayed} given back")
        except BusUnavailable as error:
            raise Failure(str(error)) from None
    if left:
        raise typer.Exit(1)


def _followers(service: str, data: Path) -> "list[SqlFollower]":
    from services.auth import assembly as auth
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.usage import assembly as usage
    from shared.clock import SystemClock
    from shared.database import Database

    if service not in _SERVICES:
        raise typer.BadParameter(f"{service} is not a service; there are {', '.join(_SERVICES)}")
    make = {"auth": auth.follower_of_keys, "usage": usage.follower_of_keys}.get(service)
    if make is None:
        return []  # keys and sensors follow no log
    url = os.environ.get("DATABASE_URL")
    try:
        database = Database(url) if url else DataFolder(data).existing_database(service)
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
    return [make(database, SystemClock())]


def _dead_letters(service: str) -> "list[DeadLetters]":
    from services.auth.service import AuthService
    from services.keys.service import KeysService
    from services.sensors.service import SensorsService
    from services.usage.service import UsageService
    from shared.messaging.dead_letters import DeadLetters
    from shared.messaging.entrypoints import queues_of

    amqp_uri = os.environ.get("AMQP_URI")
    if amqp_uri is None:
        return []
    service_class = {"keys": KeysService, "auth": AuthService, "usage": UsageService, "sensors": SensorsService}[
        service
    ]
    return [DeadLetters(amqp_uri, queue) for queue in queues_of(service_class)]
