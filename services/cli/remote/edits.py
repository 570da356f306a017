"""What `grillo keys edit` takes away: members of a JSON merge patch that are null. Contradictions are wrong usage."""

from typing import Annotated, Any

import typer

CLEARABLE = ("description", "labels", "expires_at", "allowed_addresses", "limits", "limits.minute", "limits.day")
_REPLACED_BY = {"expires_at": "expires_in"}
Clear = Annotated[
    list[str] | None,
    typer.Option(help=f"What to take away; repeat for several: {', '.join(CLEARABLE)}, labels.NAME."),
]


def with_cleared(body: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The body with null for each name. Raises typer.BadParameter for an unknown one, or one that is also given."""
    body = dict(body)
    for name in dict.fromkeys(names):
        member, dot, inner = name.partition(".")
        if name not in CLEARABLE and not (member == "labels" and inner):
            raise typer.BadParameter(f"{name} cannot be cleared; choose from {', '.join(CLEARABLE)}, labels.NAME")
        within = body.get(member, {}) if dot else body
        if within is None or (inner or name) in within or _REPLACED_BY.get(name) in within:
            raise typer.BadParameter(f"{name} is cleared and given at once: choose one")
        body |= {member: within | {inner: None}} if dot else {name: None}
    return body


def limits_of(minute: int | None, day: int | None) -> dict[str, Any]:
    given = {name: limit for name, limit in (("minute", minute), ("day", day)) if limit is not None}
    return {"limits": given} if given else {}
