"""Consent: what locks somebody out is done only if it was asked for, and what ends many keys says how many."""

from typing import Annotated, Any

import typer

Force = Annotated[bool, typer.Option("--force", help="Do it even if it locks you or the whole organisation out.")]


def forced(force: bool) -> str | None:
    """The value of the query parameter `force`; None: it is left out."""
    return "true" if force else None


def how_many_to_revoke(looked_at: dict[str, Any], also_made: bool) -> str:
    """The question, from what a dry run answered."""
    count = len(looked_at["data"]) + (len(looked_at["made"]) if also_made else 0)
    own = ", the calling one among them," if any(key["is_caller"] for key in looked_at["data"]) else ""
    return f"Revoke {count} keys{own} for good?"
