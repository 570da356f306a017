"""Output of commands: tables for people, JSON for programs, receipts in words."""

import json
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def tell_receipt(what: str, receipt: dict[str, Any], *, err: bool) -> None:
    where = "everywhere" if receipt["propagated"] else "not everywhere yet,"
    typer.echo(f"{what} {where} after {receipt['elapsed_ms']} ms.", err=err)
    for gate in receipt["gates"]:
        how = (
            "counted out: its lease has ended" if gate.get("counted_out") else f"applied after {gate['applied_ms']} ms"
        )
        typer.echo(f"  {gate['id']}  {how}", err=err)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_members(document: dict[str, Any]) -> None:
    """One thing, a member a line."""
    table = Table(box=None, show_header=False)
    for name, value in document.items():
        table.add_row(name, text(value))
    tables().print(table)


def tables() -> Console:
    """Wide enough when nobody watches: a table cut at 80 characters helps no program."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def minute(time: str | None) -> str:
    return "never" if time is None else time[:16].replace("T", " ")


def text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {text(inner) if isinstance(inner, dict) else inner}" for name, inner in value.items()
        )
    if isinstance(value, list):
        return ("; " if any(isinstance(item, dict) for item in value) else ", ").join(map(text, value))
    return "" if value is None else str(value)
