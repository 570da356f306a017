"""`grillo sensors import`: recordings into a data folder, on the host, also while the server runs."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.failure import Failure, unforeseen
from services.cli.host.import_summary import Summary
from shared.eventsourcing.origin import Origin

if TYPE_CHECKING:
    from services.sensors.ingest import ReadResult
    from services.sensors.ingest.importer import Imported, Importer
    from shared.sql.database import Database

Read = Callable[[], "ReadResult"]

app = typer.Typer(help="Import recordings, and look after those that are stored.", no_args_is_help=True)


@app.callback()
def sensors() -> None:
    """Import recordings, and look after those that are stored."""


@app.command("import")
def import_recordings(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="OpenEEW lines, or any format ObsPy reads; folders; - for standard input."),
    ] = None,
    samples: Annotated[bool, typer.Option("--samples", help="The recordings that ObsPy ships, instead.")] = False,
    data: Annotated[
        Path, typer.Option(help="The data folder of `grillo up`; not used when DATABASE_URL is set.")
    ] = Path("data"),
    organisation: Annotated[str | None, typer.Option(help="Whose sensors; not needed if there is only one.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="Name or id of the network that new sensors join; else the oldest that takes them."),
    ] = None,
    devices: Annotated[Path | None, typer.Option(help="OpenEEW's list of devices, if not beside the files.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Import recordings. Again, or in part again, adds nothing twice; every sample is accounted for."""
    if bool(files) == samples:
        raise typer.BadParameter("name files, or --samples")
    readings = _samples() if samples else _readings(files or [], devices)
    summary, storing = Summary(), _storing(data, organisation, network)
    try:
        with _progress() as progress:
            for name, read in progress.track(readings, description="Importing"):
                _import_one(name, read, storing, summary)
    except KeyboardInterrupt:
        summary.failed.append(("", "stopped before the last file: import them again, nothing is stored twice."))
    storing.finish(summary)
    summary.show(as_json=as_json)
    if summary.failed:
        raise typer.Exit(1)


def _readings(files: list[Path], devices: Path | None) -> list[tuple[str, Read]]:
    from services.sensors import ingest
    from shared.runtime.clock import SystemClock

    now = SystemClock().now()
    readings: list[tuple[str, Read]] = []
    for file in files:
        if str(file) == "-":
            if sys.stdin is None:
                raise Failure("there is no standard input to read.")
            lines = sys.stdin.buffer
            readings.append(("standard input", partial(ingest.read_lines, lines, now=now, devices=devices)))
        else:
            inside = ingest.files_in(file) if os.path.isdir(file) else [file]  # nor raises, as Path's does
            readings += [(str(one), partial(ingest.read, one, now=now, devices=devices)) for one in inside]
            if not inside:
                readings.append((str(file), partial(_nothing_in, file)))
    # What describes sensors is read after what they recorded, which may be the first that is heard of them.
    return sorted(readings, key=lambda reading: ingest.describes(Path(reading[0])))


def _nothing_in(folder: Path) -> "ReadResult":
    from services.sensors.ingest import UnreadableRecording

    raise UnreadableRecording(folder, "the folder holds no recordings", "Check its name")


def _samples() -> list[tuple[str, Read]]:
    from services.sensors.ingest import samples
    from shared.runtime.clock import SystemClock

    now = SystemClock().now()
    try:
        return [(sample.path.name, partial(samples.read_sample, sample, now=now)) for sample in samples.sample_files()]
    except samples.SamplesMissing as missing:
        raise Failure(str(missing)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storing:
    """Where the recordings go, and whose they are."""

    importer: "Importer"
    organisation_id: str
    network_id: str | None

    def store(self, result: "ReadResult") -> "Imported":
        """Raises Failure when there is no network that its new sensors can join."""
        from services.sensors.networks.commands import NoNetworkTakesSensors, TakesNoSensors

        origin = Origin(actor="grillo sensors import")
        try:
            return self.importer.store(result, self.organisation_id, origin, self.network_id)
        except (NoNetworkTakesSensors, TakesNoSensors) as refusal:
            raise Failure(f"{refusal}.") from None

    def finish(self, summary: Summary) -> None:
        """Decides what waits for more, and asks how sure the times are."""
        from services.sensors.store.span import SpanDamaged

        for sensor_id in list(summary.sensors):
            try:
                for decided in self.importer.decide([sensor_id]).values():
                    summary.add_decided(sensor_id, decided)
            except SpanDamaged as error:
                summary.failed.append(
                    ("", f"{error}: what waits for it is in no account, and stored once that is mended")
                )
        for sensor_id in summary.sensors:
            summary.differing[sensor_id] = self.importer.differing(sensor_id)
            summary.uncertainties[sensor_id] = self.importer.uncertainties(sensor_id)


def _storing(data: Path, organisation: str | None, network: str | None) -> Storing:
    """Opens the data folder. Raises Failure when it is none, or when it is not clear whose sensors these are."""
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.keys.views.queries import KeyQueries
    from services.sensors import tables
    from services.sensors.ingest.importer import Importer
    from services.sensors.samples import open_samples
    from shared.environment import text
    from shared.eventsourcing.sql_event_store import SqlEventStore
    from shared.runtime.clock import SystemClock
    from shared.settings import samples_folder
    from shared.sql.database import Database

    folder, clock = DataFolder(data), SystemClock()
    url = text("DATABASE_URL")
    try:
        if url:
            sensors, organisation_id, archive = Database(url), named_organisation(organisation), samples_folder()
        else:
            keys, sensors = folder.existing_database("keys"), folder.existing_database("sensors")
            archive = folder.samples
            organisation_id = known_organisation(
                [known.id for known in KeyQueries(keys, clock).organisations()], organisation
            )
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
    samples = open_samples(sensors, archive, clock)
    importer = Importer(sensors, SqlEventStore(sensors, tables.metadata), samples.store, clock)
    network_id = None if network is None else network_of(sensors, organisation_id, network)
    return Storing(importer=importer, organisation_id=organisation_id, network_id=network_id)


def network_of(sensors: "Database", organisation_id: str, asked: str) -> str:
    """The network's id, from that or its name. Raises Failure."""
    from services.sensors.networks.network import NoSuchNetwork
    from services.sensors.networks.queries import NetworkQueries, SeveralNetworks

    networks = NetworkQueries(sensors)
    try:
        return networks.find(organisation_id, asked)
    except NoSuchNetwork:
        known = ", ".join(f"{one.name} ({one.id})" for one in networks.networks_of(organisation_id).networks)
        raise Failure(f"there is no network {asked!r}; there is {known or 'none yet'}.") from None
    except SeveralNetworks as refusal:
        raise Failure(f"{refusal}.") from None


def named_organisation(asked: str | None) -> str:
    """The sensors service's database knows no organisations."""
    if asked is None:
        raise Failure("with DATABASE_URL, say whose these are: --organisation org_…")
    return asked


def known_organisation(known: list[str], asked: str | None) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known:
        raise Failure(f"name one of the organisations with --organisation: {', '.join(known) or 'there is none yet'}.")
    return asked


def _import_one(name: str, read: Read, storing: Storing, summary: Summary) -> None:
    """A file that cannot be used costs only itself."""
    from services.sensors.ingest import UnreadableRecording
    from services.sensors.registry.sensor import StationCodeTaken
    from services.sensors.store.span import SpanDamaged

    try:
        result = read()
        summary.add(name, storing.store(result))
        if result.rejected and not (result.recordings or result.described):
            summary.failed.append((name, f"{name}: none of it can be used: {result.rejected[0].reason}."))
    except UnreadableRecording as error:
        summary.failed.append((name, str(error)))
    except SpanDamaged as error:
        summary.failed.append((name, f"{name}: it cannot be compared with what is stored: {error}"))
    except StationCodeTaken as error:
        summary.failed.append((name, f"{name}: {error}. Import it for another organisation, or mend its codes."))
    except Failure:
        raise
    except Exception as error:
        summary.failed.append((name, unforeseen(name, error)))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
