"""Asking: what ends something for good asks first, or takes `--yes`."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def ask(question: Callable[[], str], yes: bool) -> None:
    """Raises typer.BadParameter where there is nobody to ask, and typer.Abort if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; --yes does it without asking", param_hint="--yes")
    typer.confirm(question(), abort=True, err=True)
