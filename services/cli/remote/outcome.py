"""How a change is told: a new secret alone on standard output, the rest in words; or JSON for programs."""

from dataclasses import dataclass
from typing import Any

import typer

from services.cli.failure import Failure
from services.cli.output import print_json, tell_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What a change may show once. `member`: of the answer. `renewed_by`: the command that gives another, with {id}."""

    member: str
    renewed_by: str

    def is_lost(self, changed: dict[str, Any]) -> bool:
        """The change was made before, and the answer that had the secret did not arrive."""
        return self.member in changed and changed[self.member] is None


def tell_change(changed: dict[str, Any], what: str, as_json: bool, secret: Secret | None = None) -> None:
    """Raises Failure, if it was done and its secret is lost: whoever reads standard output has none."""
    if as_json:
        print_json(changed)
    else:
        _tell(changed, what, None if secret is None else changed.get(secret.member))
    if secret is not None and secret.is_lost(changed):
        renewed_by = secret.renewed_by.format(id=changed["id"])
        raise Failure(f"it was done, but the answer with its secret was lost: `{renewed_by}` gives another.")


def _tell(changed: dict[str, Any], what: str, secret: str | None) -> None:
    receipt = changed.get("receipt")
    if secret is not None:
        typer.echo(secret)
        typer.echo("This is the only time its secret is shown.", err=True)
    if receipt is None:
        typer.echo(f"{changed['id']} {what}.", err=secret is not None)
    else:
        tell_receipt(f"{changed['id']} {what}", receipt, err=secret is not None)
