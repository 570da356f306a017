"""`grillo trace ID`: what became of one request."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.arguments import AsJson, Data, service_named
from services.cli.host.databases import open_database, require_current
from services.cli.output import print_json, tables
from services.service_registry import SERVICES

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,100}", re.ASCII)


def trace(
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The X-Request-Id of its answer.")],
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE", help="keys, auth, usage or sensors, on DATABASE_URL; else all of a data folder."
        ),
    ] = None,
    data: Data = Path("data"),
    logs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A file of log lines, of services or nginx; several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of a request: as it was counted, what it changed, who has followed, what was sent and logged.

    On a data folder, of all services. In a service's container name the service: its database alone is looked at.
    Where there is no data folder, as on a host of containers, files of log lines alone are.
    A request that was answered a moment ago is counted within seconds.
    """
    from services.cli.host.tracing.log_lines import lines_about

    if _SANE.fullmatch(request_id) is None:
        raise typer.BadParameter("an id has letters, digits and . _ : - and at most 100 of them", param_hint="ID")
    services = [service_named(service).name] if service else list(SERVICES)
    if logs and service is None and not data.exists():
        typer.echo(f"There is no data folder {data} here: the files alone are looked at.", err=True)
        services = []
    found = _in_databases(request_id, services, data)
    found["log_lines"] = list(lines_about(request_id, logs or ()))
    if as_json:
        print_json({"request_id": request_id} | found)
    else:
        _show(found)


def _in_databases(request_id: str, services: list[str], data: Path) -> dict[str, Any]:
    from services.cli.host.tracing.traces import changes, deliveries, followed_to, requests

    found: dict[str, Any] = {"requests": [], "changes": [], "followed": {}, "deliveries": []}
    # Logs first: what was sent is found by what was changed.
    for service in sorted(services, key=lambda name: not SERVICES[name].has_log):
        database = open_database(service, data, to_read=True)
        try:
            require_current(service, database)
            if SERVICES[service].has_log:
                found["changes"] += changes(service, database, request_id)
            if SERVICES[service].follows_keys:
                found["followed"][service] = followed_to(service, database)
            if service == "usage":
                found["requests"] += requests(database, request_id)
                messages = {change["message_id"] for change in found["changes"] if change["service"] == "keys"}
                found["deliveries"] += deliveries(database, request_id, messages)
        finally:
            database.close()
    return found


def _show(found: dict[str, Any]) -> None:
    """In the order of time; lines of files that tell none come last."""
    rows: list[tuple[str, str, str]] = []
    for one in found["requests"]:
        about = f"{one['method']} {one['route']} {one['status']} {one['problem'] or ''}".rstrip()
        rows.append((one["at"], "request", f"{about}, key {one['key_id'] or 'none'}, from {one['address']}"))
    for one in found["changes"]:
        have = [
            name
            for name, place in found["followed"].items()
            if one["service"] == "keys" and place and place >= one["position"]
        ]
        after = f"; followed by {' and '.join(have)}" if have else ""
        rows.append(
            (one["at"], one["service"], f"{one['type']} {one['stream']} ({one['position']}), by {one['actor']}{after}")
        )
    for one in found["deliveries"]:
        rows.append((one["at"], "delivery", f"{one['type']} {one['id']} to {one['channel_id']}: {one['status']}"))
        for attempt in one["attempts"]:
            rows.append((attempt["at"], "attempt", f"{one['id']}: {attempt['status'] or attempt['fault']}"))
    rows += [(one["at"] or "", one["file"], one["line"]) for one in found["log_lines"]]
    if not rows:
        typer.echo(
            "Nothing of this request is here: its id may be of another system, or it is older than what is kept."
        )
        return
    table = Table("time", "where", "what", box=None)
    for row in sorted(rows, key=lambda row: row[0] or "~"):
        table.add_row(*row)
    tables().print(table)
