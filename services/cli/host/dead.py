"""`grillo dead list|replay`: parked events, parked batches and dead letters of a service.

Parked ones lie in the service's database; dead letters in queues of the broker, which a data folder (--data) has not.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from services.cli.arguments import AsJson, Data, ServiceName, service_named
from services.cli.failure import Failure
from services.cli.host.databases import open_database
from services.cli.output import print_json, tables

if TYPE_CHECKING:
    from services.usage.intake.parked_batches import ParkedBatches
    from shared.messaging.dead_letters import DeadLetters
    from shared.replication.sql_follower import SqlFollower

app = typer.Typer(help="List and replay what a service could not take in.", no_args_is_help=True)


@app.command("list")
def list_dead(
    service: ServiceName,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Parked events and dead letters of one service. Exit status 0 whether or not there are any."""
    from shared.replication.relay import BusUnavailable
    from shared.values.timestamps import rfc3339

    parked = [parked for follower in _followers(service, data) for parked in follower.parked()]
    try:
        letters = [letter for queue in _dead_letters(service) for letter in queue.list()]
    except BusUnavailable as error:
        raise Failure(str(error)) from None
    batches = _parked_batches(data).all() if service == "usage" else ()
    if as_json:
        shown = {
            "parked": list(map(asdict, parked)),
            "parked_batches": [asdict(batch) | {"parked_at": rfc3339(batch.parked_at)} for batch in batches],
            "dead_letters": list(map(asdict, letters)),
        }
        print_json(shown)
        return

    if parked:
        table = Table("position", "stream", "type", "attempts", "error", "tried again at", box=None)
        for event in parked:
            again = event.retry_at or "when asked to"
            table.add_row(str(event.position), event.stream, event.type, str(event.attempts), event.error, again)
        tables().print(table)
    if batches:
        table = Table("batch", "since", "reason", box=None)
        for batch in batches:
            table.add_row(batch.id, rfc3339(batch.parked_at), batch.reason)
        tables().print(table)
    if letters:
        table = Table("queue", "type", "reason", "begins with", box=None)
        for letter in letters:
            table.add_row(letter.queue, letter.type, letter.reason, letter.beginning)
        tables().print(table)
    if not parked and not batches and not letters:
        typer.echo(f"{service}: nothing is parked and there are no dead letters.")


@app.command()
def replay(
    service: ServiceName,
    stream: Annotated[str | None, typer.Argument(help="Only this stream's parked events.")] = None,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Try again all that is parked, in order, and give dead letters back. Exit status 1 if a stream stays parked."""
    from shared.replication.relay import BusUnavailable

    left, applied, given_back = False, dict[str, bool](), dict[str, int]()
    for follower in _followers(service, data):
        parked = follower.parked()
        for name in dict.fromkeys(event.stream for event in parked if stream in (None, event.stream)):
            done = follower.replay(name)
            left = left or not done
            applied[name] = done
            if not as_json:
                typer.echo(f"{name}: {'applied' if done else 'still does not apply'}")
    if stream is None:
        left = (service == "usage" and not _count_parked_batches(data)) or left
        try:
            for queue in _dead_letters(service):
                if replayed := queue.replay():
                    given_back[queue.name] = replayed
                    if not as_json:
                        typer.echo(f"{queue.name}: {replayed} given back")
        except BusUnavailable as error:
            raise Failure(str(error)) from None
    if as_json:
        print_json({"applied": applied, "given_back": given_back, "left": left})
    if left:
        raise typer.Exit(1)


def _parked_batches(data: Path) -> "ParkedBatches":
    from services.usage.intake.parked_batches import ParkedBatches

    return ParkedBatches(open_database("usage", data))


def _count_parked_batches(data: Path) -> bool:
    """Whether none is left."""
    from services.usage.intake.batch_intake import retry
    from services.usage.intake.metering import Metering
    from shared.runtime.clock import SystemClock

    database, clock = open_database("usage", data), SystemClock()
    parked = _parked_batches(data)
    reasons = {batch.id: retry(batch.id, parked, Metering(database), clock) for batch in parked.all()}
    for batch_id, reason in reasons.items():
        typer.echo(f"{batch_id}: {reason or 'counted'}")
    return not any(reasons.values())


def _followers(service: str, data: Path) -> "list[SqlFollower]":
    from shared.runtime.clock import SystemClock

    known = service_named(service)
    if not known.follows_keys:
        return []
    return [known.assembly.follower_of_keys(open_database(service, data), SystemClock())]


def _dead_letters(service: str) -> "list[DeadLetters]":
    from shared.environment import text
    from shared.messaging.dead_letters import DeadLetters
    from shared.messaging.entrypoints import queues_of

    amqp_uri = text("AMQP_URI")
    if not amqp_uri:
        return []
    classes = service_named(service).service_classes()
    return [DeadLetters(amqp_uri, queue) for service_class in classes for queue in queues_of(service_class)]
