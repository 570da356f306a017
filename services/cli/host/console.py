"""`grillo console …`: one-time links to the console, straight into the database of keys.

On a data folder (--data), or on DATABASE_URL of keys. The link's address is that of GRILLO_PUBLIC_URL.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.arguments import AsJson, Data
from services.cli.failure import Failure
from services.cli.host.organisation import keys_service
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.keys.assembly import Keys

app = typer.Typer(help="Sign people in to the console.", no_args_is_help=True)
_ROLES = ("owner", "admin", "user")


@app.command()
def link(
    organisation: Annotated[
        str | None, typer.Option(help="The organisation's id, org_…; may be left out where there is one alone.")
    ] = None,
    role: Annotated[str, typer.Option(help="owner and admin change keys, user sees them.")] = "owner",
    name: Annotated[
        str,
        typer.Option(help="Whom it is for. A known name has this role from now on; without one it is a new person."),
    ] = "",
    url: Annotated[
        str | None, typer.Option(help="Public address of the console; by default GRILLO_PUBLIC_URL's.")
    ] = None,
    as_json: AsJson = False,
    data: Data = Path("data"),
) -> None:
    """Print a link that signs in once, within ten minutes."""
    if role not in _ROLES:
        raise typer.BadParameter(f"{role} is not one of {', '.join(_ROLES)}", param_hint="--role")
    from services.keys.console.sessions.people import NameUnfit
    from services.keys.console.sessions.sign_in import address_of
    from services.keys.lifecycle.organisation import NoSuchOrganisation
    from services.keys.revocation.session_fence import Role
    from shared.environment import text

    keys = keys_service(data)
    public_url = (url or text("GRILLO_PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/")
    try:
        token = keys.sign_in.new_link(organisation or _only_organisation(keys), Role(role), name)
    except NoSuchOrganisation:
        raise Failure(f"there is no organisation {organisation}; `grillo organisation list` shows them.") from None
    except NameUnfit as error:
        raise Failure(str(error)) from None
    address = address_of(token, public_url)
    print_json({"console": address}) if as_json else typer.echo(address)
    typer.echo("It signs in once, within ten minutes, anybody who has it: hand it over in private.", err=True)


@app.command()
def erase(
    person: Annotated[str, typer.Argument(help="The person's id, usr_…, as histories show it.")],
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Erase a person's name and address, and sign them out. Histories go on showing the id."""
    if not keys_service(data).sign_in.erase(person):
        raise Failure(f"there is no person {person}.")
    print_json({"id": person}) if as_json else typer.echo(f"{person} is erased.")


def _only_organisation(keys: "Keys") -> str:
    known = keys.queries.organisations()
    if len(known) != 1:
        raise Failure("say which organisation: --organisation ID; `grillo organisation list` shows them.")
    return known[0].id
