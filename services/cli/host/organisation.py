"""`grillo organisation …`: registers organisations, sets tiers, mints a lost admin key; straight into the log of keys.

On a data folder (--data), or on DATABASE_URL of keys. The running service publishes what is written here.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from services.cli.arguments import AsJson, Data
from services.cli.failure import Failure
from services.cli.host.databases import open_database
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.keys.assembly import Keys
    from services.keys.views.queries import KeyQueries
    from shared.replication.proof.signatures import Signer

_PAGE = 100

app = typer.Typer(
    help="Of the calling key's organisation: show, edit. On the host: register, list, set the tier, mint an admin key.",
    no_args_is_help=True,
)
OrganisationId = Annotated[str, typer.Argument(help="The organisation's id, org_…")]


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="As people know it.")],
    tier: Annotated[str, typer.Option(help="free, standard or premium.")] = "free",
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Register an organisation; prints its id."""
    from services.keys.lifecycle.organisation import ContractMissing, NameHoldsKey, NameUnfit, UnknownTier
    from shared.eventsourcing.origin import Origin

    try:
        made = keys_service(data).commands.organisations.register(name, tier, Origin(actor="grillo organisation"))
    except (UnknownTier, NameHoldsKey, NameUnfit) as error:
        raise Failure(str(error)) from None
    except ContractMissing as error:
        raise Failure(f"{error}: register it in another tier, then `grillo organisation set-tier`.") from None
    print_json({"id": made}) if as_json else typer.echo(made)


@app.command("set-tier")
def set_tier(
    organisation: OrganisationId,
    tier: Annotated[str, typer.Argument(help="free, standard, premium or enterprise.")],
    minute: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Enterprise: requests of a key in any 60 s.")
    ] = None,
    day: Annotated[
        int | None, typer.Option(min=1, max=1_000_000_000, help="Enterprise: in a UTC day; unlimited if left out.")
    ] = None,
    concurrent: Annotated[int | None, typer.Option(min=1, max=10_000, help="Enterprise: at the same time.")] = None,
    keys: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Enterprise: keys that may be active.")] = None,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Change an organisation's tier; gates hear of it like of any event. Keys beyond a lower tier's number live on.

    Enterprise is by contract: --minute, --concurrent, --keys, and --day unless that is unlimited.
    """
    from services.keys.lifecycle.organisation import ContractMissing, ContractNotAsked, NoSuchOrganisation, UnknownTier
    from shared.contracts.keys import Contract
    from shared.eventsourcing.origin import Origin

    contract, origin = None, Origin(actor="grillo organisation")
    if minute is not None and concurrent is not None and keys is not None:
        contract = Contract(minute=minute, day=day, concurrent=concurrent, keys=keys)
    elif tier != "enterprise" and any(given is not None for given in (minute, day, concurrent, keys)):
        raise Failure(str(ContractNotAsked(tier)))
    try:
        keys_service(data).commands.organisations.change_tier(organisation, tier, origin, contract=contract)
    except NoSuchOrganisation:
        raise Failure(_unknown(organisation)) from None
    except (UnknownTier, ContractMissing, ContractNotAsked) as error:
        raise Failure(str(error)) from None
    if as_json:
        print_json({"id": organisation, "tier": tier})


@app.command("list")
def list_organisations(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """List all organisations."""
    from services.cli.output import tables

    known = _queries(data).organisations()
    if as_json:
        members = ("id", "name", "tier", "active_keys", "active_keys_max")
        print_json([{member: getattr(one, member) for member in members} for one in known])
        return
    table = Table("id", "name", "tier", "active keys", box=None)
    for organisation in known:
        keys = f"{organisation.active_keys} of {organisation.active_keys_max}"
        table.add_row(organisation.id, organisation.name, organisation.tier, keys)
    tables().print(table)


@app.command("admin-key")
def admin_key(
    organisation: OrganisationId,
    data: Data = Path("data"),
    force: Annotated[bool, typer.Option("--force", help="Also when it has an active admin key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mint an admin key for an organisation that has none left. Its secret is shown only once."""
    from services.keys.commands.command_inputs import KeyRequest
    from services.keys.encryption.description import Description
    from shared.eventsourcing.origin import Origin

    keys = keys_service(data)
    if organisation not in {known.id for known in keys.queries.organisations()}:
        raise Failure(_unknown(organisation))
    if not force and _has_active_admin_key(keys.queries, organisation):
        raise Failure(f"{organisation} has an active admin key. If nobody holds its secret any more: --force.")
    request = KeyRequest(
        description=Description(name="Admin key minted on the host"), permissions=("admin",), allow_query=False
    )
    origin = Origin(actor="grillo organisation")
    created = keys.commands.create(organisation, request, origin, beyond_limit=True)
    if as_json:
        print_json({"id": created.key_id, "key": created.secret.value})
        return
    typer.echo(created.secret.value)
    typer.echo(f"{created.key_id} created. This is the only time its secret is shown.", err=True)


def _unknown(organisation: str) -> str:
    return f"there is no organisation {organisation}; `grillo organisation list` shows those there are."


def _has_active_admin_key(queries: "KeyQueries", organisation_id: str) -> bool:
    from services.keys.lifecycle.key import Status

    after = None
    while True:
        page = queries.list_keys(organisation_id, _PAGE, after)
        if any(key.status is Status.ACTIVE and "admin" in key.permissions for key in page.keys):
            return True
        if page.next_place is None:
            return False
        after = page.next_place


def keys_service(data: Path, signer: "Signer | None" = None) -> "Keys":
    """The keys service on a data folder, or on DATABASE_URL, brought up to date first. Raises Failure."""
    from services.keys.assembly import assemble
    from shared.environment import SettingWrong
    from shared.runtime.clock import SystemClock
    from shared.settings import lease_seconds

    try:
        database, lease = open_database("keys", data), lease_seconds()
        return assemble(database, _NoBus(), SystemClock(), lease_seconds=lease, signer=signer)
    except SettingWrong as error:
        raise Failure(str(error)) from None


def _queries(data: Path) -> "KeyQueries":
    """To read, and to change nothing, not even the schema."""
    from services.keys.views.queries import KeyQueries
    from shared.runtime.clock import SystemClock

    return KeyQueries(open_database("keys", data), SystemClock())


class _NoBus:
    """The running service's relay publishes what is written here, within a second."""

    def publish(self, events: object) -> int:
        raise AssertionError("nothing is relayed from here")
