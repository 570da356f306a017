"""What was made or renewed with a revoked key: the options that ask for it, and how it is told."""

from typing import Annotated, Any

import typer

from services.cli.arguments import time_text

AlsoMade = Annotated[bool, typer.Option("--also-made", help="Revoke as well what was made with it.")]
MadeSince = Annotated[
    str | None,
    typer.Option(help="RFC 3339: since when what was made with it counts; by default for a day.", callback=time_text),
]


def made_query(also: bool, since: str | None) -> dict[str, Any]:
    return ({"also_made": True} if also else {}) | ({"made_since": since} if since is not None else {})


def tell_made(revoked: dict[str, Any], *, ended: bool) -> None:
    """What was made or renewed with it, and what is left to do."""
    for key_id in revoked["made"]:
        is_renewed = key_id in revoked["renewed"]
        told = "renewed with it: rotate it" if is_renewed else "made with it, revoked" if ended else "made with it"
        typer.echo(f"  {key_id}  {told}")
    if not revoked["made_complete"]:
        typer.echo("There are more than these: end these, then ask again.")
