"""`grillo keys …`: the management API from the command line."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.client import Client, id_in_path

app = typer.Typer(help="Create, list, show and revoke keys; see their usage.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, key_…", callback=id_in_path)]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name people will recognise.")],
    permission: Annotated[
        list[str], typer.Option(help="sensors:read, events:read, config:write or admin; repeat for several.")
    ],
    description: Annotated[str, typer.Option(help="What the key is for.")] = "",
    expires_in: Annotated[int | None, typer.Option(help="Seconds until it expires.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="name=value; repeat for several.")] = None,
    allow_query: Annotated[bool, typer.Option(help="Whether it may be sent as ?api_key=.")] = True,
    as_json: AsJson = False,
) -> None:
    """Create a key. Its secret is printed on standard output, this once."""
    body: dict[str, Any] = {"name": name, "permissions": permission, "allow_query": allow_query}
    body |= {"description": description} if description else {}
    body |= {"expires_in": expires_in} if expires_in is not None else {}
    body |= {"labels": dict(_label(text) for text in label)} if label else {}
    created = Client().post("/v1/keys", body)
    if as_json:
        _print_json(created)
    else:
        typer.echo(created["key"])
        typer.echo(f"{created['id']} created. This is the only time its secret is shown.", err=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the organisation's keys, newest first."""
    keys = Client().pages("/v1/keys")
    if as_json:
        _print_json(keys)
        return
    table = Table("id", "name", "hint", "permissions", "status", "created", "last used", box=None)
    for key in keys:
        shown = (key["id"], key["name"], key["hint"], " ".join(key["permissions"]), key["status"])
        table.add_row(*shown, _minute(key["created_at"]), _minute(key["last_used_at"]))
    tables().print(table)


@app.command()
def show(key_id: KeyId, as_json: AsJson = False) -> None:
    """Show one key."""
    key = Client().get(f"/v1/keys/{key_id}")
    if as_json:
        _print_json(key)
        return
    table = Table(box=None, show_header=False)
    for name, value in key.items():
        table.add_row(name, _text(value))
    tables().print(table)


@app.command()
def revoke(
    key_id: KeyId,
    reason: Annotated[
        str, typer.Option(help="key-compromise, superseded, affiliation-changed or unspecified.")
    ] = "unspecified",
    note: Annotated[str | None, typer.Option(help="For the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a key for good. Returns when no gate will pass it again, and says which gates confirmed."""
    body = {"reason": reason} | ({"note": note} if note is not None else {})
    revoked = Client().post(f"/v1/keys/{key_id}/revoke", body)
    if as_json:
        _print_json(revoked)
        return
    receipt = revoked["receipt"]
    typer.echo(f"{key_id} revoked at {revoked['revoked_at']}: refused everywhere after {receipt['elapsed_ms']} ms.")
    for gate in receipt["gates"]:
        how = (
            "counted out: its lease has ended" if gate.get("counted_out") else f"applied after {gate['applied_ms']} ms"
        )
        typer.echo(f"  {gate['id']}  {how}")


@app.command()
def usage(
    key_id: KeyId,
    step: Annotated[str, typer.Option(help="minute, hour or day.")] = "hour",
    as_json: AsJson = False,
) -> None:
    """Show what a key did."""
    used = Client().get(f"/v1/keys/{key_id}/usage", step=step)
    if as_json:
        _print_json(used)
        return
    table = Table("start", "requests", "by status", box=None)
    for bucket in used["series"]:
        table.add_row(_minute(bucket["start"]), str(bucket["requests"]), _text(bucket["by_status"]))
    tables().print(table)
    typer.echo(f"{used['total']} requests in all")


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not name=value")
    return name, value


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def tables() -> Console:
    """Wide enough when nobody watches: a table cut at 80 characters helps no program."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _minute(time: str | None) -> str:
    return "never" if time is None else time[:16].replace("T", " ")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {inner}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
