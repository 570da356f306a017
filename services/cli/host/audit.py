"""`grillo audit`: checks logs against themselves and what others have seen of them; of a data folder its files, too."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.arguments import AsJson, service_named
from services.cli.failure import Failure
from services.cli.host import receipt
from services.service_registry import SERVICES
from shared.values.timestamps import rfc3339

if TYPE_CHECKING:
    from services.soundness.fault import Report
    from shared.eventsourcing.audit import Accepted
    from shared.replication.heads.heads_file import HeadsOfLog

_EARLIER = "{} is of an earlier version: start this one, or run `grillo migrate`; then audit."

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
    heads: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Heads that AUDIT_HEADS sent, kept apart from the server.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every log whole. Exit status 1 if any row was edited, removed, reordered or cut off; it is named.

    Of a data folder, also whether each file and each row that gives power is as it was written, and whether a database
    was put back alone. On DATABASE_URL the followers are asked what they remember, at AUTH_INTERNAL_URL and
    USAGE_INTERNAL_URL.
    """
    kept = _KeptElsewhere(heads)
    report = _look_at_folder(data, kept) if service is None else _look_at_service(service, kept)
    if as_json:
        typer.echo(json.dumps(_as_json(report, kept)))
    else:
        _show(report, kept)
    if report.faults:
        raise typer.Exit(1)


class _KeptElsewhere:
    """The operator's own file of heads; each log takes its lines."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.of_logs: dict[str, HeadsOfLog] = {}

    def __call__(self, log: str, public_keys: Mapping[str, str]) -> "HeadsOfLog":
        from services.soundness.rows import nowhere
        from shared.replication.heads.heads_file import heads_of_log

        if self._file is None:
            return nowhere(log, public_keys)
        try:
            with self._file.open("rb") as lines:
                found = heads_of_log(lines, log, self._file.name, public_keys)
        except OSError as error:
            raise Failure(f"{self._file} cannot be read: {error.strerror}.") from None
        self.of_logs[log] = found
        return found

    def told(self) -> Iterator[str]:
        for log, found in self.of_logs.items():
            missing = f"; {found.gaps} times some are missing, or the server was away" if found.gaps else ""
            yield f"{log}: compared with {found.lines} heads kept elsewhere{missing}"


def _look_at_folder(data: Path, kept: _KeptElsewhere) -> "Report":
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.embedded.soundness.folder_check import check

    folder = DataFolder(data)
    try:
        for service in SERVICES.values():
            if service.has_log:
                folder.existing_database(service.name)  # raises where there is none
        report = check(folder, elsewhere=kept)
    except DataFolderUnusable as error:
        raise Failure(str(error)) from None
    if not report.faults and not report.audits:
        raise Failure(_EARLIER.format("The data folder"))
    return report


def _look_at_service(service: str, kept: _KeptElsewhere) -> "Report":
    from services.soundness.fault import Fault, Report
    from services.soundness.rows import audit_log, is_current, put_back_alone
    from shared.environment import SettingWrong
    from shared.replication.feed import FeedUnavailable
    from shared.replication.http_feed import remote_anchors
    from shared.replication.internal_client import InternalClient
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import read_settings
    from shared.sql.availability import await_database
    from shared.sql.database import Database

    service_named(service, lambda known: known.has_log)
    try:
        settings = read_settings()
        database = Database(settings.database_url)
        await_database(database, settings.database_url)
        witnesses = {
            "keys": ((settings.auth_internal_url, ""), (settings.usage_internal_url, "")),
            "sensors": ((settings.auth_internal_url, "/sensors"),),
        }
        remembered = [
            remote_anchors(InternalClient(url, settings.internal_token), of) for url, of in witnesses[service]
        ]
        anchors = tuple(anchor for found in remembered for anchor in found)
        if not is_current(service, database):
            raise Failure(_EARLIER.format(service))
        found = audit_log(service, database, anchors, kept)
        ages = put_back_alone(database, anchors) if service == "keys" else ()
    except (SettingWrong, ServerUnreachable) as error:
        raise Failure(str(error)) from None
    except FeedUnavailable as error:
        raise Failure(
            f"a follower does not say what it remembers, and a log's end is checked by that: {error}"
        ) from None
    of_log = [Fault(service=service, what=finding.problem, how="", is_of_log=True) for finding in found.findings]
    others = [Fault(service=name, what=what, how="") for name, what in ages]
    return Report(faults=(*of_log, *others), audits={service: found})


def _as_json(report: "Report", kept: _KeptElsewhere) -> dict[str, object]:
    shown: dict[str, Any] = {
        service: {
            "epoch": found.head.epoch,
            "rows": found.rows,
            "head": found.head.hash,
            "findings": [{"position": finding.position, "problem": finding.problem} for finding in found.findings],
            "restored": [_restored(accepted) for accepted in found.restored],
        }
        for service, found in report.audits.items()
    }
    for fault in report.faults:
        if not fault.is_of_log:
            findings = shown.setdefault(fault.service, {"findings": []})["findings"]
            findings.append({"position": None, "problem": fault.what})
    for log, heads in kept.of_logs.items():
        shown[log]["heads"] = {"lines": heads.lines, "gaps": heads.gaps}
    return shown


def _restored(accepted: "Accepted") -> dict[str, Any]:
    event = accepted.event
    return {
        "position": event.position + 1,
        "at": rfc3339(event.restored_at),
        "by": json.loads(accepted.by).get("actor"),
        "reason": event.reason,
        "after": event.common_position,
        "given_up": accepted.given_up,
    }


def _show(report: "Report", kept: _KeptElsewhere) -> None:
    for service, found in report.audits.items():
        if not found.findings:
            typer.echo(f"{service}: {found.rows} rows, the chain holds, head {found.head.hash[:16]}…")
        for accepted in map(_restored, found.restored):
            what = f"restored at {accepted['at']}, by {accepted['by']}: {accepted['reason']}"
            typer.echo(f"{service}: row {accepted['position']}: {what}; rows seen after {accepted['after']} are gone")
        for finding in found.findings:
            typer.echo(f"{service}: row {finding.position}: {finding.problem}")
    for fault in report.faults:
        if not fault.is_of_log:
            typer.echo(f"{fault.service}: {fault.what}")
    for line in kept.told():
        typer.echo(line)
