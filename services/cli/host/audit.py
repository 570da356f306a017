"""`grillo audit verify`: logs against their chains, and against what their followers remember of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failure import Failure

if TYPE_CHECKING:
    from services.embedded.data_folder import DataFolder
    from shared.eventsourcing.audit import Anchor, Audit
    from shared.sql.database import Database

app = typer.Typer(help="Check the logs.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check the logs."""


@app.command()
def verify(
    service: Annotated[
        str | None, typer.Argument(help="keys or sensors, on DATABASE_URL; without it, all of a data folder's.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The data folder of `grillo up`.")] = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Read every log whole. Exit status 1 if any row was edited, removed, reordered or cut off; it is named.

    On DATABASE_URL the followers are asked what they remember, at AUTH_INTERNAL_URL and USAGE_INTERNAL_URL.
    """
    audits = _audit_folder(data) if service is None else {service: _audit_service(service)}
    if as_json:
        typer.echo(json.dumps({service: _as_json(found) for service, found in audits.items()}))
    else:
        for service, found in audits.items():
            _show(service, found)
    if any(found.findings for found in audits.values()):
        raise typer.Exit(1)


def _audit_folder(data: Path) -> "dict[str, Audit]":
    from services.embedded.data_folder import DataFolder, DataFolderUnusable

    folder = DataFolder(data)
    try:
        anchors = {"keys": _anchors(folder), "sensors": []}
        return {service: _audit(folder.existing_database(service), service, anchors[service]) for service in anchors}
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None


def _audit_service(service: str) -> "Audit":
    from shared.replication.feed import FeedUnavailable
    from shared.replication.http_feed import RemoteAnchor
    from shared.replication.internal_client import InternalClient
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import SettingWrong, read_settings
    from shared.sql.availability import await_database
    from shared.sql.database import Database

    if service not in ("keys", "sensors"):
        raise typer.BadParameter(f"{service} has no log; keys and sensors have")
    try:
        settings = read_settings()
        database = Database(settings.database_url)
        await_database(database, settings.database_url)
        followed_by = (settings.auth_internal_url, settings.usage_internal_url) if service == "keys" else ()
        remembered = (RemoteAnchor(InternalClient(url, settings.internal_token))() for url in followed_by)
        return _audit(database, service, [anchor for anchor in remembered if anchor is not None])
    except (SettingWrong, ServerUnreachable) as error:
        raise Failure(str(error)) from None
    except FeedUnavailable as error:
        raise Failure(
            f"a follower does not say what it remembers, and a log's end is checked by that: {error}"
        ) from None


def _audit(database: "Database", service: str, anchors: "list[Anchor]") -> "Audit":
    from services.keys import tables as keys_tables
    from services.sensors import tables as sensors_tables
    from shared.eventsourcing.audit import audit as audit_log
    from shared.eventsourcing.sql_event_store import SqlEventStore

    metadata = {"keys": keys_tables.metadata, "sensors": sensors_tables.metadata}[service]
    return audit_log(SqlEventStore(database, metadata), anchors)


def _anchors(folder: "DataFolder") -> "list[Anchor]":
    """The checkpoints of those who follow the log of keys, each in a database of its own."""
    from services.auth import tables as auth_tables
    from services.auth.grants import FOLLOWER as GRANTS
    from services.usage import tables as usage_tables
    from services.usage.key_events import FOLLOWER as KNOWN_KEYS
    from shared.eventsourcing.audit import Anchor
    from shared.replication.sql_follower import read_checkpoint

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
