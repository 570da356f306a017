"""Consent: what ends keys for good asks first, and what locks somebody out is done only if it was asked for."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Do it even if it locks you or the whole organisation out.")]


def ask(question: Callable[[], str], yes: bool) -> None:
    """Raises typer.BadParameter where there is nobody to ask, and typer.Abort if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; --yes does it without asking", param_hint="--yes")
    typer.confirm(question(), abort=True, err=True)


def forced(force: bool) -> str | None:
    """The value of the query parameter `force`; None: it is left out."""
    return "true" if force else None


def how_many_to_revoke(looked_at: dict[str, Any], also_made: bool) -> str:
    """The question, from what a dry run answered."""
    count = len(looked_at["data"]) + (len(looked_at["made"]) if also_made else 0)
    own = ", the calling one among them," if any(key["is_caller"] for key in looked_at["data"]) else ""
    return f"Revoke {count} keys{own} for good?"
