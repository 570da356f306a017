"""`grillo audit verify`: every log of a data folder against its chain, and against what its followers remember."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failure import Failure

if TYPE_CHECKING:
    from services.embedded.data_folder import DataFolder
    from shared.audit import Anchor, Audit

app = typer.Typer(help="Check the logs.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check the logs."""


@app.command()
def verify(
    data: Annotated[Path, typer.Option(help="The data folder of `grillo up`.")] = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Read every log whole. Exit status 1 if any row was edited, removed, reordered or cut off; it is named."""
    from services.embedded.data_folder import DataFolder, DataFolderUnusable

    folder = DataFolder(data)
    try:
        audits = {service: _audit(folder, service) for service in ("keys", "sensors")}
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
    if as_json:
        typer.echo(json.dumps({service: _as_json(found) for service, found in audits.items()}))
    else:
        for service, found in audits.items():
            _show(service, found)
    if any(found.findings for found in audits.values()):
        raise typer.Exit(1)


def _audit(folder: "DataFolder", service: str) -> "Audit":
    from services.keys import tables as keys_tables
    from services.sensors import tables as sensors_tables
    from shared.audit import audit as audit_log
    from shared.sql_event_store import SqlEventStore

    metadata = {"keys": keys_tables.metadata, "sensors": sensors_tables.metadata}[service]
    store = SqlEventStore(folder.existing_database(service), metadata)
    return audit_log(store, _anchors(folder) if service == "keys" else ())


def _anchors(folder: "DataFolder") -> "list[Anchor]":
    """The checkpoints of those who follow the log of keys, each in a database of its own."""
    from services.auth import tables as auth_tables
    from services.auth.grants import FOLLOWER as GRANTS
    from services.usage import tables as usage_tables
    from services.usage.known_keys import FOLLOWER as KNOWN_KEYS
    from shared.audit import Anchor
    from shared.follower import read_checkpoint

    anchors = []
    for service, table, follower in (
        ("auth", auth_tables.checkpoint, GRANTS),
        ("usage", usage_tables.checkpoint, KNOWN_KEYS),
    ):
        with folder.existing_database(service).reading() as tx:
            checkpoint = read_checkpoint(tx, table, follower)
        if checkpoint is not None:
            anchors.append(Anchor(follower=follower, checkpoint=checkpoint))
    return anchors


def _as_json(found: "Audit") -> dict[str, object]:
    return {
        "epoch": found.head.epoch,
        "rows": found.rows,
        "head": found.head.hash,
        "findings": [{"position": finding.position, "problem": finding.problem} for finding in found.findings],
    }


def _show(service: str, found: "Audit") -> None:
    if not found.findings:
        typer.echo(f"{service}: {found.rows} rows, the chain holds, head {found.head.hash[:16]}…")
    for finding in found.findings:
        typer.echo(f"{service}: row {finding.position}: {finding.problem}")
