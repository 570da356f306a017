"""`grillo organisation show` and `edit`: the organisation of the calling key, its tier, limits and policies."""

from typing import Annotated

import typer

from services.cli.arguments import AsJson
from services.cli.output import print_json, print_members
from services.cli.remote.client import Client
from services.cli.remote.consent import Force, forced
from services.cli.remote.edits import Clearable, Revision, given, if_match, something

_PATH = "/v1/organisation"
CLEARABLE = Clearable(names=("unused_expiry_days", "lifetime_max_days", "lifetime_default_days"))


def show(as_json: AsJson = False) -> None:
    """Show the organisation of the calling key: its tier, limits, keys and policies."""
    shown = Client().get(_PATH)
    print_json(shown) if as_json else print_members(shown)


def edit(
    unused_expiry_days: Annotated[
        int | None, typer.Option(help="Keys that are unused for so many days expire: 7 to 365.")
    ] = None,
    lifetime_max_days: Annotated[
        int | None, typer.Option(help="No new key lives longer than so many days: 1 to 3650.")
    ] = None,
    lifetime_default_days: Annotated[
        int | None, typer.Option(help="How long a key lives whose creation does not say it: 1 to 3650.")
    ] = None,
    clear: Annotated[list[str] | None, typer.Option(help=CLEARABLE.help())] = None,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Change the policies of the calling key's organisation. What is not named stays."""
    body = given(
        unused_expiry_days=unused_expiry_days,
        lifetime_max_days=lifetime_max_days,
        lifetime_default_days=lifetime_default_days,
    )
    body = something(CLEARABLE.cleared(body, clear))
    changed = Client().patch(_PATH, body, if_match(revision), force=forced(force))
    if as_json:
        print_json(changed)
    else:
        typer.echo(f"{changed['id']} changed, now at revision {changed['revision']}.")
