"""`grillo audit`: checks the hash chain of each log, and its head against what followers have seen of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.arguments import AsJson, service_named
from services.cli.failure import Failure
from services.cli.host import receipt
from services.service_registry import SERVICES, Service
from shared.values.timestamps import rfc3339

if TYPE_CHECKING:
    from services.embedded.data_folder import DataFolder
    from shared.eventsourcing.audit import Accepted, Anchor, Audit
    from shared.sql.database import Database

app = typer.Typer(help="Check the logs, and receipts.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check the logs, and receipts."""


app.command()(receipt.receipt)


@app.command()
def verify(
    service: Annotated[
        str | None, typer.Argument(help="keys or sensors, on DATABASE_URL; without it, all of a data folder's.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The data folder of `grillo up`.")] = Path("data"),
    as_json: AsJson = False,
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
        anchors = {"keys": _anchors(folder)}
        return {
            name: _audit(folder.existing_database(name), service, anchors.get(name, []))
            for name, service in SERVICES.items()
            if service.has_log
        }
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None


def _audit_service(service: str) -> "Audit":
    from shared.environment import SettingWrong
    from shared.replication.feed import FeedUnavailable
    from shared.replication.http_feed import remote_anchors
    from shared.replication.internal_client import InternalClient
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import read_settings
    from shared.sql.availability import await_database
    from shared.sql.database import Database

    known = service_named(service, lambda known: known.has_log)
    try:
        settings = read_settings()
        database = Database(settings.database_url)
        await_database(database, settings.database_url)
        followed_by = (settings.auth_internal_url, settings.usage_internal_url) if service == "keys" else ()
        remembered = (remote_anchors(InternalClient(url, settings.internal_token)) for url in followed_by)
        return _audit(database, known, [anchor for anchors in remembered for anchor in anchors])
    except (SettingWrong, ServerUnreachable) as error:
        raise Failure(str(error)) from None
    except FeedUnavailable as error:
        raise Failure(
            f"a follower does not say what it remembers, and a log's end is checked by that: {error}"
        ) from None


def _audit(database: "Database", service: Service, anchors: "list[Anchor]") -> "Audit":
    from sqlalchemy import inspect

    from services.keys.revocation.published_signers import PublishedSigners
    from shared.eventsourcing.audit import audit as audit_log
    from shared.eventsourcing.epochs import LogRestored
    from shared.eventsourcing.sql_event_store import SqlEventStore
    from shared.replication.divergence.signed_restoration import is_signed

    def is_believed(restored: LogRestored) -> bool:
        verifier = PublishedSigners(database).verifier(restored.signer)
        return verifier is not None and is_signed(restored, verifier)

    metadata = service.module("tables").metadata
    with database.reading() as tx:
        if not inspect(tx).has_table("log_epoch"):
            raise Failure(
                f"{service.name} is of an earlier version: start this one, or run `grillo migrate`; then audit."
            )
    return audit_log(SqlEventStore(database, metadata), anchors, is_believed)


def _anchors(folder: "DataFolder") -> "list[Anchor]":
    """What those remember who follow the log of keys, each in a database of its own."""
    from shared.replication.sql_follower import read_anchors

    anchors: list[Anchor] = []
    for name, service in SERVICES.items():
        if not service.follows_keys:
            continue
        follower = service.assembly.FOLLOWER
        with folder.existing_database(name).reading() as tx:
            anchors += read_anchors(tx, service.module("tables").metadata, follower)
    return anchors


def _as_json(found: "Audit") -> dict[str, object]:
    return {
        "epoch": found.head.epoch,
        "rows": found.rows,
        "head": found.head.hash,
        "findings": [{"position": finding.position, "problem": finding.problem} for finding in found.findings],
        "restored": [
            {
                "position": accepted.event.position + 1,
                "at": rfc3339(accepted.event.restored_at),
                "by": _actor(accepted),
                "reason": accepted.event.reason,
                "after": accepted.event.common_position,
                "given_up": accepted.given_up,
            }
            for accepted in found.restored
        ],
    }


def _actor(accepted: "Accepted") -> str:
    return str(json.loads(accepted.by).get("actor"))


def _show(service: str, found: "Audit") -> None:
    if not found.findings:
        typer.echo(f"{service}: {found.rows} rows, the chain holds, head {found.head.hash[:16]}…")
    for accepted in found.restored:
        event = accepted.event
        typer.echo(
            f"{service}: row {event.position + 1}: restored at {rfc3339(event.restored_at)}, by {_actor(accepted)}: "
            f"{event.reason}. What was seen beyond row {event.common_position} is gone"
        )
    for finding in found.findings:
        typer.echo(f"{service}: row {finding.position}: {finding.problem}")
