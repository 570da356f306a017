"""`grillo sensors import`: recordings into a data folder, on the host, also while the server runs."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.failure import Failure

if TYPE_CHECKING:
    from services.sensors.ingest import ReadResult
    from services.sensors.ingest.importer import Imported

Read = Callable[[], "ReadResult"]
Store = Callable[["ReadResult"], "Imported"]

app = typer.Typer(help="Import recordings, and look after those that are stored.", no_args_is_help=True)
_REJECTED_SHOWN_MAX = 5


@app.callback()
def sensors() -> None:
    """Import recordings, and look after those that are stored."""


@app.command("import")
def import_recordings(
    files: Annotated[list[Path] | None, typer.Argument(help="OpenEEW JSON lines, or any format ObsPy reads.")] = None,
    samples: Annotated[bool, typer.Option("--samples", help="The recordings that ObsPy ships, instead.")] = False,
    data: Annotated[
        Path, typer.Option(help="The data folder of `grillo up`; not used when DATABASE_URL is set.")
    ] = Path("data"),
    organisation: Annotated[str | None, typer.Option(help="Whose sensors; not needed if there is only one.")] = None,
    devices: Annotated[Path | None, typer.Option(help="OpenEEW's devices.json, if not beside the files.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Import recordings. Again, or in part again, adds nothing twice; bad lines are left out and named."""
    if bool(files) == samples:
        raise typer.BadParameter("name files, or --samples")
    readings = _samples() if samples else _readings(files or [], devices)
    summary, store = Summary(), _storing(data, organisation)
    with _progress() as progress:
        for name, read in progress.track(readings, description="Importing"):
            _import_one(name, read, store, summary)
    summary.show(as_json=as_json)
    if summary.failed:
        raise typer.Exit(1)


class Summary:
    """What became of all files together."""

    def __init__(self) -> None:
        self.sensors: set[str] = set()
        self.files = self.samples_new = self.samples_known = self.lines_read = 0
        self.rejected: list[tuple[str, int | None, str]] = []
        self.failed: list[tuple[str, str]] = []

    def add(self, name: str, imported: "Imported") -> None:
        self.files += 1
        self.sensors.update(imported.sensor_ids)
        self.samples_new += imported.samples_new
        self.samples_known += imported.samples_known
        self.lines_read += imported.lines_read
        self.rejected += [(name, rejected.line, rejected.reason) for rejected in imported.rejected]

    def show(self, *, as_json: bool) -> None:
        if as_json:
            typer.echo(json.dumps(self._as_json()))
            return
        typer.echo(
            f"{self.files} files, {len(self.sensors)} sensors: {self.samples_new:,} samples new, "
            f"{self.samples_known:,} known before, {len(self.rejected):,} of {self.lines_read:,} lines left out."
        )
        for file, line, reason in self.rejected[:_REJECTED_SHOWN_MAX]:
            typer.echo(f"  {file}{'' if line is None else f', line {line}'}: {reason}", err=True)
        if len(self.rejected) > _REJECTED_SHOWN_MAX:
            typer.echo(f"  … and {len(self.rejected) - _REJECTED_SHOWN_MAX} more: see --json", err=True)
        for _, reason in self.failed:
            typer.echo(f"grillo: {reason}", err=True)

    def _as_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "sensors": sorted(self.sensors),
            "samples_new": self.samples_new,
            "samples_known": self.samples_known,
            "lines_read": self.lines_read,
            "rejected": [{"file": file, "line": line, "reason": reason} for file, line, reason in self.rejected],
            "failed": [{"file": file, "reason": reason} for file, reason in self.failed],
        }


def _readings(files: list[Path], devices: Path | None) -> list[tuple[str, Read]]:
    from services.sensors import ingest

    return [(str(file), partial(ingest.read, file, devices=devices)) for file in files]


def _samples() -> list[tuple[str, Read]]:
    from services.sensors.ingest import samples

    try:
        return [(sample.path.name, partial(samples.read_sample, sample)) for sample in samples.sample_files()]
    except samples.SamplesMissing as missing:
        raise Failure(str(missing)) from None


def _storing(data: Path, organisation: str | None) -> Store:
    """Opens the data folder. Raises Failure when it is none, or when it is not clear whose sensors these are."""
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.keys.views.queries import KeyQueries
    from services.sensors import tables
    from services.sensors.ingest.importer import Importer
    from services.sensors.samples import open_samples
    from services.sensors.store.recording_store import RecordingStore
    from shared.environment import text
    from shared.eventsourcing.origin import Origin
    from shared.eventsourcing.sql_event_store import SqlEventStore
    from shared.runtime.clock import SystemClock
    from shared.settings import samples_folder
    from shared.sql.database import Database

    folder, clock = DataFolder(data), SystemClock()
    url = text("DATABASE_URL")
    try:
        if url:
            sensors, organisation_id, archive = Database(url), _named(organisation), samples_folder()
        else:
            keys, sensors = folder.existing_database("keys"), folder.existing_database("sensors")
            archive = folder.samples
            organisation_id = _known([known.id for known in KeyQueries(keys, clock).organisations()], organisation)
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
    recordings = RecordingStore(sensors, open_samples(sensors, archive, clock).store)
    importer = Importer(SqlEventStore(sensors, tables.metadata), recordings, clock)
    return lambda result: importer.store(result, organisation_id, Origin(actor="grillo sensors import"))


def _named(asked: str | None) -> str:
    """The sensors service's database knows no organisations."""
    if asked is None:
        raise Failure("with DATABASE_URL, say whose sensors these are: --organisation org_…")
    return asked


def _known(known: list[str], asked: str | None) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known:
        raise Failure(f"name one of the organisations with --organisation: {', '.join(known) or 'there is none yet'}.")
    return asked


def _import_one(name: str, read: Read, store: Store, summary: Summary) -> None:
    """A file that cannot be used costs only itself."""
    from services.sensors.ingest import UnreadableRecording
    from services.sensors.sensor import StationCodeTaken

    try:
        summary.add(name, store(read()))
    except UnreadableRecording as error:
        summary.failed.append((name, str(error)))
    except StationCodeTaken as error:
        summary.failed.append((name, f"{name}: {error}. Import it for another organisation, or mend its codes."))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
