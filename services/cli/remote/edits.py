"""What `edit` commands change: a JSON merge patch, in which null takes away. Contradictions are wrong usage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

Revision = Annotated[int | None, typer.Option(help="Change it only if it is still at this revision.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearable:
    """`names`: what may be taken away. `inside`: members whose own may, by name. `instead_of`: how else to give it."""

    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    instead_of: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join((*self.names, *(f"{member}.NAME" for member in self.inside)))

    def help(self) -> str:
        return f"What to take away; repeat for several: {self}."

    def cleared(self, body: Mapping[str, Any], names: list[str] | None) -> dict[str, Any]:
        """The body with null for each name. Raises typer.BadParameter for an unknown one, or one that is also given."""
        patch = dict(body)
        for name in dict.fromkeys(names or ()):
            member, dot, inner = name.partition(".")
            if name not in self.names and not (member in self.inside and inner):
                raise typer.BadParameter(f"{name} cannot be cleared; choose from {self}")
            within = patch.get(member, {}) if dot else patch
            if within is None or (inner or name) in within or self.instead_of.get(name) in within:
                raise typer.BadParameter(f"{name} is cleared and given at once: choose one")
            patch |= {member: within | {inner: None}} if dot else {name: None}
        return patch


def given(**members: Any) -> dict[str, Any]:
    """Without those that no option named: they stay as they are."""
    return {name: value for name, value in members.items() if value is not None}


def something(body: dict[str, Any]) -> dict[str, Any]:
    """Raises typer.BadParameter, if there is nothing to change."""
    if not body:
        raise typer.BadParameter("nothing to change: name what shall be otherwise; see --help")
    return body


def if_match(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f'"{revision}"'}
