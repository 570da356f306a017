"""Arguments that several commands take: a service by name, a data folder, labels and times."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.service_registry import SERVICES, Service
from shared.values.timestamps import from_rfc3339

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="keys, auth, usage or sensors.")]
LABEL_FORM = "NAME:VALUE, such as env:prod"
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
Data = Annotated[Path, typer.Option(help="The data folder of `grillo up`. DATABASE_URL, if set, is used instead.")]


def service_named(name: str, among: Callable[[Service], bool] = lambda _: True) -> Service:
    """Raises typer.BadParameter, which names those there are."""
    names = [service.name for service in SERVICES.values() if among(service)]
    if name not in names:
        raise typer.BadParameter(f"{name} is not one of {', '.join(names)}", param_hint="SERVICE")
    return SERVICES[name]


def label_of(text: str) -> tuple[str, str]:
    """`env:prod` → (env, prod); env=prod is taken as well. Raises typer.BadParameter."""
    found = re.fullmatch(r"([^:=]*)[:=](.*)", text, re.DOTALL)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not {LABEL_FORM}")
    return found[1], found[2]


def label_text(text: str) -> str:
    """A label as queries and bodies have it. Raises typer.BadParameter."""
    return ":".join(label_of(text))


def time_text(text: str | None) -> str | None:
    """A time that the API takes, refused here if it is none. Raises typer.BadParameter."""
    try:
        if text is not None:
            from_rfc3339(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


Since = Annotated[
    str | None,
    typer.Option("--from", "--since", help="RFC 3339, such as 2026-11-23T08:00:00Z.", callback=time_text),
]
Until = Annotated[
    str | None, typer.Option("--to", "--until", help="RFC 3339; that moment itself is not in it.", callback=time_text)
]
