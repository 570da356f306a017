"""`grillo sensors verify`, `reindex`, `seal`, `retention`, `network-code`, `delete`: what is stored, on the host."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.arguments import AsJson, Data
from services.cli.asking import Yes, ask
from services.cli.failure import Failure
from services.cli.host.databases import open_database
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.sensors.samples import Samples
    from services.sensors.store.sealing.verification import Fault

_HOURS_AT_ONCE = 1000
_DAYS_MAX = 36_500


def register(app: typer.Typer) -> None:
    """As commands of `grillo sensors`."""
    for command in (verify, reindex, seal, retention, network_code, delete):
        app.command(command.__name__.replace("_", "-"))(command)


def verify(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """Compare the files of samples with the index, byte by byte. Exit status 1 if a sample cannot be read as stored."""
    found = _open(data).verification.run()
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(f"{found.files:,} files and {found.rows:,} rows hold {found.samples:,} samples.")
        for name in found.unnamed:
            typer.echo(f"  {name}: not in the index; the worker deletes it when it is an hour old")
        _tell(found.faults)
    if found.faults:
        raise typer.Exit(1)


def reindex(
    data: Data = Path("data"),
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Also take files that are gone out of the index.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put files of samples that the index has lost back into it. Exit status 1 if one cannot be read."""
    from services.sensors.store.sealing.reindexing import FolderIsEmpty

    try:
        done = _open(data).reindexing.run(drop_missing=drop_missing)
    except FolderIsEmpty as error:
        raise Failure(str(error)) from None
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(f"{done.files:,} files with {done.samples:,} samples put back, {done.dropped:,} taken out.")
        _tell(done.faults)
    if done.faults:
        raise typer.Exit(1)


def seal(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """Seal now what the worker would seal when it has settled: all that has arrived, the present hour too."""
    samples, hours = _open(data), 0
    while sealed := samples.sealer.run(hours_max=_HOURS_AT_ONCE, settled=False):
        hours += sealed
    if as_json:
        print_json({"hours": hours})
    else:
        typer.echo(f"{hours:,} hours of channels sealed.")


def retention(
    organisation: Annotated[str, typer.Argument(help="org_…")],
    days: Annotated[
        int | None, typer.Option(min=1, max=_DAYS_MAX, help="How long its recordings are kept from now on.")
    ] = None,
    forever: Annotated[bool, typer.Option("--forever", help="They are kept for ever.")] = False,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Show or set how long an organisation's recordings are kept; older ones are deleted within ten minutes."""
    if days is not None and forever:
        raise typer.BadParameter("give --days or --forever")
    kept = _open(data).retention
    if days is not None or forever:
        kept.keep(organisation, days)
    found = kept.kept_days(organisation)
    if as_json:
        print_json({"organisation": organisation, "days": found})
    else:
        typer.echo(f"{organisation}: {'for ever' if found is None else f'{found} days'}")


def network_code(
    organisation: Annotated[str, typer.Argument(help="org_…")],
    code: Annotated[str | None, typer.Option(help="One or two capital letters or digits, as FDSN registers.")] = None,
    default: Annotated[bool, typer.Option("--default", help="XX again, the code of no network.")] = False,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Show or set the SEED network code of sensors that an organisation gets from now on, if they state none."""
    from services.sensors.ingest.openeew import NETWORK_UNKNOWN
    from services.sensors.registry import network_codes

    if code is not None and default:
        raise typer.BadParameter("give --code or --default")
    with open_database("sensors", data).transaction() as tx:
        if code is not None or default:
            try:
                network_codes.set_code(tx, organisation, code)
            except network_codes.NotANetworkCode as error:
                raise typer.BadParameter(str(error), param_hint="--code") from None
        found = network_codes.code_of(tx, organisation) or NETWORK_UNKNOWN
    if as_json:
        print_json({"organisation": organisation, "network_code": found})
    else:
        typer.echo(f"{organisation}: {found}")


def delete(
    sensor: Annotated[str, typer.Argument(help="sen_…")],
    data: Data = Path("data"),
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a sensor and all its recordings for good."""
    from services.sensors import tables
    from services.sensors.lifecycle.deletion import SensorDeletion
    from shared.eventsourcing.origin import Origin
    from shared.eventsourcing.sql_event_store import SqlEventStore
    from shared.runtime.clock import SystemClock

    database = open_database("sensors", data)
    ask(lambda: f"Delete {sensor} and all its recordings?", yes)
    deletion = SensorDeletion(SqlEventStore(database, tables.metadata), _open(data).store, SystemClock())
    if not deletion.delete(sensor, Origin(actor="grillo sensors delete")):
        raise Failure(f"there is no sensor {sensor}.")
    if as_json:
        print_json({"id": sensor, "deleted": True})
    else:
        typer.echo(f"{sensor} is deleted; its files go within ten minutes.")


def _tell(faults: "tuple[Fault, ...]") -> None:
    for fault in faults:
        typer.echo(f"  {fault.place}: {fault.reason}", err=True)


def _open(data: Path) -> "Samples":
    """Raises Failure."""
    from services.embedded.data_folder import DataFolder
    from services.sensors.samples import open_samples
    from shared.environment import text
    from shared.runtime.clock import SystemClock
    from shared.settings import samples_folder

    folder = samples_folder() if text("DATABASE_URL") else DataFolder(data).samples
    return open_samples(open_database("sensors", data), folder, SystemClock())
