"""`grillo keys …`: the management API of keys."""

from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.arguments import LABEL_FORM, AsJson, label_of, label_text, time_text
from services.cli.asking import Yes, ask
from services.cli.output import minute, print_json, print_members, tables, tell_receipt
from services.cli.remote import key_usage
from services.cli.remote.client import Client
from services.cli.remote.consent import Force, forced, how_many_to_revoke
from services.cli.remote.edits import Clearable, Revision, given, if_match, something
from services.cli.remote.key_usage import KeyId
from services.cli.remote.made import AlsoMade, MadeSince, made_query, tell_made
from services.cli.remote.outcome import Secret, tell_change

app = typer.Typer(
    help="The life of keys, from creation to deletion; and their usage.",
    no_args_is_help=True,
)
SECRET = Secret(member="key", renewed_by="grillo keys rotate {id} --instead")
_LIMITS = ("limits", "limits.minute", "limits.day")
CLEARABLE = Clearable(
    names=("description", "labels", "expires_at", "allowed_addresses", "networks", *_LIMITS),
    inside=("labels",),
    instead_of={"expires_at": "expires_in"},
)
Addresses = Annotated[
    list[str] | None, typer.Option("--address", help="IP address or network it may be used from; repeat for several.")
]
Networks = Annotated[list[str] | None, typer.Option("--network", help="Id of one that it opens; repeat for several.")]
MinuteLimit = Annotated[int | None, typer.Option(help="Requests in any 60 s, below the tier's.")]
DayLimit = Annotated[int | None, typer.Option(help="Requests in a UTC day, below the tier's.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name people will recognise.")],
    permission: Annotated[
        list[str], typer.Option(help="sensors:read, events:read, config:write or admin; repeat for several.")
    ],
    description: Annotated[str, typer.Option(help="What the key is for.")] = "",
    expires_in: Annotated[
        int | None, typer.Option(help="Seconds until it expires; left out: as the organisation sets, or never.")
    ] = None,
    never_expires: Annotated[
        bool, typer.Option("--never-expires", help="Whatever the organisation's default.")
    ] = False,
    label: Annotated[list[str] | None, typer.Option(help=f"{LABEL_FORM}; repeat for several.")] = None,
    allow_query: Annotated[bool, typer.Option(help="Whether it may be sent as ?api_key=.")] = True,
    address: Addresses = None,
    network: Networks = None,
    minute_limit: MinuteLimit = None,
    day_limit: DayLimit = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. Its secret is printed on standard output, and shown only once."""
    body: dict[str, Any] = {"name": name, "permissions": permission, "allow_query": allow_query}
    body |= {"description": description} if description else {}
    body |= {"expires_in": expires_in} if expires_in is not None else {}
    body |= {"labels": dict(label_of(text) for text in label)} if label else {}
    body |= {"allowed_addresses": address} if address else {}
    body |= {"networks": network} if network else {}
    body |= _limits(minute_limit, day_limit)
    body = CLEARABLE.cleared(body, ["expires_at"] * never_expires)
    _tell(Client().post("/v1/keys", body), "created", as_json)


@app.command("list")
def list_keys(
    status: Annotated[str | None, typer.Option(help="one or more of active,suspended,expired,revoked.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help=f"{LABEL_FORM}; repeat for several, which must all hold.")
    ] = None,
    search: Annotated[str | None, typer.Option(help="Part of the name, the description or the hint.")] = None,
    network: Annotated[str | None, typer.Option(help="Id of a network that they are bound to.")] = None,
    sort: Annotated[str, typer.Option(help="created_at, name, expires_at, last_used_at; - before: descending.")] = (
        "-created_at"
    ),
    as_json: AsJson = False,
) -> None:
    """List the organisation's keys, newest first."""
    labels = [label_text(each) for each in label or ()]
    keys = Client().pages("/v1/keys", status=status, label=labels, q=search, network_id=network, sort=sort)
    if as_json:
        print_json(keys)
        return
    table = Table("id", "name", "hint", "permissions", "status", "created", "last used", box=None)
    for key in keys:
        shown = (key["id"], key["name"], key["hint"], " ".join(key["permissions"]), key["status"])
        table.add_row(*shown, minute(key["created_at"]), minute(key["last_used_at"]))
    tables().print(table)


@app.command()
def show(
    key_id: KeyId,
    as_of: Annotated[str | None, typer.Option(help="RFC 3339: as it was then.", callback=time_text)] = None,
    as_json: AsJson = False,
) -> None:
    """Show one key, as it is or as it was."""
    key = Client().get(f"/v1/keys/{key_id}", as_of=as_of)
    print_json(key) if as_json else print_members(key)


@app.command()
def edit(
    key_id: KeyId,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    description: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    permission: Annotated[list[str] | None, typer.Option(help="All it shall have; repeat for several.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help=f"{LABEL_FORM}: added or changed; repeat for several.")
    ] = None,
    expires_in: Annotated[int | None, typer.Option(help="Seconds from now until it expires.")] = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="Take its expiry away.")] = False,
    allow_query: Annotated[bool | None, typer.Option(help="Whether it may be sent as ?api_key=.")] = None,
    address: Addresses = None,
    network: Networks = None,
    minute_limit: MinuteLimit = None,
    day_limit: DayLimit = None,
    clear: Annotated[list[str] | None, typer.Option(help=CLEARABLE.help())] = None,
    regenerate: Annotated[bool, typer.Option("--regenerate", help="New secret, which ends every older one.")] = False,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Change a key. What is not named stays. More permissions or networks need --regenerate."""
    body = given(
        name=name,
        description=description,
        permissions=permission,
        labels=dict(label_of(text) for text in label) if label else None,
        expires_in=expires_in,
        allow_query=allow_query,
        allowed_addresses=address,
        networks=network,
    )
    body |= _limits(minute_limit, day_limit)
    body = CLEARABLE.cleared(body, ["expires_at"] * never_expires + (clear or []))
    body = something(body | ({"regenerate": True} if regenerate else {}))
    changed = Client().patch(f"/v1/keys/{key_id}", body, if_match(revision), force=forced(force))
    _tell(changed, "changed", as_json)


@app.command()
def rotate(
    key_id: KeyId,
    grace: Annotated[int, typer.Option(help="Seconds for which the secret before works on.")] = 0,
    instead: Annotated[
        bool,
        typer.Option("--instead", help="Replace the newest secret alone, whose answer was lost: no grace changes."),
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, printed on standard output, and shown only once."""
    body = {"grace_seconds": grace} | ({"instead": True} if instead else {})
    rotated = Client().post(f"/v1/keys/{key_id}/rotate", body, force=forced(force))
    _tell(rotated, "rotated", as_json)


@app.command()
def suspend(key_id: KeyId, force: Force = False, as_json: AsJson = False) -> None:
    """Suspend a key until it is resumed. Returns when no gate passes it."""
    _tell(Client().post(f"/v1/keys/{key_id}/suspend", {}, force=forced(force)), "suspended", as_json)


@app.command()
def resume(key_id: KeyId, as_json: AsJson = False) -> None:
    """Resume a suspended key."""
    _tell(Client().post(f"/v1/keys/{key_id}/resume", {}), "resumed", as_json)


@app.command()
def revoke(
    key_id: KeyId,
    reason: Annotated[
        str, typer.Option(help="key-compromise, superseded, affiliation-changed or unspecified.")
    ] = "unspecified",
    note: Annotated[str | None, typer.Option(help="For the record.")] = None,
    also_made: AlsoMade = False,
    made_since: MadeSince = None,
    yes: Yes = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Revoke a key for good. Returns when no gate will pass it again; says which gates confirmed, and what it made."""
    if also_made:
        ask(lambda: f"Revoke {key_id} and the keys that it made for good?", yes)
    body = {"reason": reason} | ({"note": note} if note is not None else {}) | made_query(also_made, made_since)
    revoked = Client().post(f"/v1/keys/{key_id}/revoke", body, force=forced(force))
    _tell(revoked, f"revoked at {revoked['revoked_at']}: refused", as_json)
    if not as_json:
        tell_made(revoked, ended=also_made)


@app.command("revoke-many")
def revoke_many(
    label: Annotated[str | None, typer.Option(help=f"{LABEL_FORM}: all that carry it.")] = None,
    created_before: Annotated[
        str | None, typer.Option(help="RFC 3339: all made before that moment.", callback=time_text)
    ] = None,
    reason: Annotated[
        str, typer.Option(help="key-compromise, superseded, affiliation-changed or unspecified.")
    ] = "unspecified",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List them, and revoke nothing.")] = False,
    also_made: AlsoMade = False,
    made_since: MadeSince = None,
    yes: Yes = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Revoke all keys with a label, or all from before a moment, for good; one receipt for all of them."""
    if (label is None) == (created_before is None):
        raise typer.BadParameter("give one of --label and --created-before")
    body: dict[str, Any] = {"reason": reason, "dry_run": dry_run} | made_query(also_made, made_since)
    body |= {"label": label_text(label)} if label is not None else {"created_before": created_before}
    client = Client()
    if not dry_run:
        ask(lambda: how_many_to_revoke(client.post("/v1/keys/revoke", body | {"dry_run": True}), also_made), yes)
    revoked = client.post("/v1/keys/revoke", body, force=forced(force))
    if as_json:
        print_json(revoked)
        return
    for key in revoked["data"]:
        typer.echo(f"{key['id']}  {key['name']}{'  (the calling key)' if key['is_caller'] else ''}")
    count = f"{len(revoked['data'])} keys"
    if revoked["receipt"] is None:
        typer.echo(f"{count} would be revoked.")
    else:
        tell_receipt(f"{count} revoked: refused", revoked["receipt"], err=False)
    tell_made(revoked, ended=also_made and not dry_run)


@app.command()
def delete(
    key_id: KeyId,
    yes: Yes = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Delete a key for good: refused everywhere, gone from the list, its name and notes unreadable for ever."""
    ask(lambda: f"Delete {key_id} for good?", yes)
    _tell(Client().delete(f"/v1/keys/{key_id}", force=forced(force)), "deleted: refused", as_json)


app.command()(key_usage.usage)
app.command()(key_usage.activity)


def _tell(changed: dict[str, Any], what: str, as_json: bool) -> None:
    tell_change(changed, what, as_json, SECRET)


def _limits(minute: int | None, day: int | None) -> dict[str, Any]:
    limits = given(minute=minute, day=day)
    return {"limits": limits} if limits else {}
