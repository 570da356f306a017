"""`grillo keys usage`, `grillo keys activity`: counters and timeline of a key, over the API."""

from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.arguments import AsJson, Since, Until
from services.cli.output import minute, print_json, tables, text
from services.cli.remote.client import Client, id_in_path

KeyId = Annotated[str, typer.Argument(help="The key's id, key_…", callback=id_in_path)]


def usage(
    key_id: KeyId,
    step: Annotated[str, typer.Option(help="minute, hour or day.")] = "hour",
    as_json: AsJson = False,
) -> None:
    """Show what a key did."""
    used = Client().get(f"/v1/keys/{key_id}/usage", step=step)
    if as_json:
        print_json(used)
        return
    table = Table("start", "requests", "by status", box=None)
    for bucket in used["series"]:
        table.add_row(minute(bucket["start"]), str(bucket["requests"]), text(bucket["by_status"]))
    tables().print(table)
    typer.echo(f"{used['total']} requests in all")
    if (exhausted := used["forecast"]["day_exhausted_at"]) is not None:
        typer.echo(f"If it goes on like this, the day's quota is used up at {minute(exhausted)} UTC.")


def activity(
    key_id: KeyId,
    status: Annotated[str | None, typer.Option(help="Only requests answered so: 429, or a class such as 4xx.")] = None,
    route: Annotated[str | None, typer.Option(help="Only requests for this route, such as /v1/sensors.")] = None,
    address: Annotated[str | None, typer.Option(help="Only requests from this address.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Only what has this X-Request-Id.")] = None,
    secret_hint: Annotated[
        str | None, typer.Option(help="Only requests with the secret of this hint, if it is dead or not the newest.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what happened with a key, newest first: its life and its requests."""
    filters = {"status": status, "route": route, "address": address, "request_id": request_id}
    filters["secret_hint"] = secret_hint
    page = Client().get(f"/v1/keys/{key_id}/activity", limit=limit, to=until, **{"from": since}, **filters)
    print_json(page) if as_json else _print_activity(page["data"])


def _print_activity(entries: list[dict[str, Any]]) -> None:
    table = Table("at", "what", "status", "why", "older secret", "address", "request id", "by", box=None)
    for entry in entries:
        request, lived, at = entry["request"], entry["lifecycle"], entry["at"][:19].replace("T", " ")
        if request is None:
            table.add_row(at, lived["type"], "", "", "", "", text(lived["request_id"]), lived["actor"])
        else:
            what, status = f"{request['method']} {request['route']}", str(request["status"])
            why, hint = text(request["problem"]), text(request["secret_hint"])
            table.add_row(at, what, status, why, hint, request["address"], request["request_id"], "")
    tables().print(table)
