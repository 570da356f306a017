"""`grillo events import`: catalogues of seismic events into a data folder, on the host, also while the server runs."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.arguments import AsJson, Data
from services.cli.failure import Failure, unforeseen
from services.cli.host.sensors import known_organisation, named_organisation, network_of
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.sensors.catalogue.importer import CatalogueImporter, ImportedCatalogue

_SHOWN_MAX = 5
_SOURCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{2,62}")

app = typer.Typer(help="Import catalogues of seismic events.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Import catalogues of seismic events."""


@app.command("import")
def import_catalogues(
    files: Annotated[list[Path] | None, typer.Argument(help="QuakeML, or catalogue.txt as OpenEEW has it.")] = None,
    samples: Annotated[bool, typer.Option("--samples", help="The catalogue that ObsPy ships, instead.")] = False,
    data: Data = Path("data"),
    organisation: Annotated[str | None, typer.Option(help="Whose events; not needed if there is only one.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="Name or id of the network that the events belong to; else they stay in the one they have."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Whose a catalogue.txt is, as it does not say so itself; default openeew.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import catalogues. Again adds nothing twice; what is revised keeps its history; each event is accounted for."""
    if bool(files) == samples:
        raise typer.BadParameter("name files, or --samples")
    if source is not None and _SOURCE.fullmatch(source) is None:
        raise typer.BadParameter("--source is 3 to 63 letters, digits, dots, underscores or hyphens")
    importing, summary = _opened(data, organisation, network), _Summary()
    for file in [_sample()] if samples else files or []:
        _import_one(file, source, importing, summary)
    if as_json:
        print_json(vars(summary))
    else:
        _show(summary)
    if summary.failed:
        raise typer.Exit(1)


@dataclass
class _Summary:
    """What became of all files together. `events`: by outcome."""

    files: list[dict[str, Any]] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    rejected: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, imported: "ImportedCatalogue") -> None:
        self.files.append({"file": name, **imported.outcomes})
        self.events.update(imported.outcomes)
        self.rejected += [{"file": name, "event": one.place, "reason": one.reason} for one in imported.rejected]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Importing:
    """Where the events go, whose they are, and which network's; None: the one they have."""

    importer: "CatalogueImporter"
    organisation_id: str
    network_id: str | None


def _import_one(file: Path, source: str | None, importing: _Importing, summary: _Summary) -> None:
    """A file that cannot be used costs only itself."""
    from services.sensors.catalogue.reading import read
    from services.sensors.ingest.recording import UnreadableRecording
    from shared.eventsourcing.origin import Origin
    from shared.runtime.clock import SystemClock

    origin = Origin(actor="grillo events import")
    try:
        found = read(file, now=SystemClock().now(), source=source)
        summary.add(str(file), importing.importer.store(found, importing.organisation_id, origin, importing.network_id))
    except UnreadableRecording as error:
        summary.failed.append({"file": str(file), "reason": str(error)})
    except Exception as error:
        summary.failed.append({"file": str(file), "reason": unforeseen(str(file), error)})


def _show(summary: _Summary) -> None:
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in summary.events.items())
    typer.echo(f"{len(summary.files)} catalogues, {sum(summary.events.values()):,} events: {told or 'none'}.")
    for one in summary.rejected[:_SHOWN_MAX]:
        typer.echo(f"  {one['file']}, {one['event']}: {one['reason']}", err=True)
    if len(summary.rejected) > _SHOWN_MAX:
        typer.echo(f"  … and {len(summary.rejected) - _SHOWN_MAX} more rejected: see --json", err=True)
    for one in summary.failed:
        typer.echo(f"grillo: {one['reason']}", err=True)


def _sample() -> Path:
    from services.sensors.catalogue.reading.samples import sample_catalogue
    from services.sensors.ingest.samples import SamplesMissing

    try:
        return sample_catalogue()
    except SamplesMissing as missing:
        raise Failure(str(missing)) from None


def _opened(data: Path, organisation: str | None, network: str | None) -> _Importing:
    """Raises Failure when the folder is none, when it is not clear whose events these are, or for no such network."""
    from services.cli.host.databases import open_database
    from services.keys.views.queries import KeyQueries
    from services.sensors import tables
    from services.sensors.catalogue.importer import CatalogueImporter
    from shared.environment import text
    from shared.eventsourcing.sql_event_store import SqlEventStore
    from shared.runtime.clock import SystemClock

    clock, sensors = SystemClock(), open_database("sensors", data)
    if text("DATABASE_URL"):
        organisation_id = named_organisation(organisation)
    else:
        known = KeyQueries(open_database("keys", data), clock).organisations()
        organisation_id = known_organisation([each.id for each in known], organisation)
    return _Importing(
        importer=CatalogueImporter(sensors, SqlEventStore(sensors, tables.metadata), clock),
        organisation_id=organisation_id,
        network_id=None if network is None else network_of(sensors, organisation_id, network),
    )
