"""Arguments that several commands take: a service by name, a data folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.service_registry import SERVICES, Service

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="keys, auth, usage or sensors.")]
Data = Annotated[Path, typer.Option(help="The data folder of `grillo up`. DATABASE_URL, if set, is used instead.")]


def service_named(name: str, among: Callable[[Service], bool] = lambda _: True) -> Service:
    """Raises typer.BadParameter, which names those there are."""
    names = [service.name for service in SERVICES.values() if among(service)]
    if name not in names:
        raise typer.BadParameter(f"{name} is not one of {', '.join(names)}", param_hint="SERVICE")
    return SERVICES[name]
