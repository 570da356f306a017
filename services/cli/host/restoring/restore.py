"""`grillo restore accept`: serves again after the log of keys was put back, and ends again what is known dead."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.arguments import AsJson, Data
from services.cli.failure import Failure
from services.cli.host.databases import open_database, require_current
from services.cli.host.restoring import sensors
from services.cli.host.restoring.memories import FOLLOWERS, of_folder, of_services
from services.cli.output import print_json

if TYPE_CHECKING:
    from services.keys.restoring.look import Accepted
    from services.keys.restoring.losses import Losses

_REASON_CHARACTERS_MAX = 200
app = typer.Typer(help="Accept that the log of keys was put back to an older state.", no_args_is_help=True)


@app.callback()
def restore() -> None:
    """Accept that the log of keys was put back to an older state."""


@app.command()
def accept(
    reason: Annotated[str, typer.Option(help="Why it was put back: stays in the log for ever, and in audits.")],
    without: Annotated[
        list[str] | None, typer.Option(metavar="auth|usage", help="Do not ask this service: it is lost for good.")
    ] = None,
    log: Annotated[str, typer.Option(metavar="keys|sensors", help="Which log was put back.")] = "keys",
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only what would be done is told.")] = False,
    data: Data = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Tell what was lost, end again what auth and usage know to be dead, and let everybody follow this log.

    Put the newer database back instead, if there is one: what it holds and this log does not is lost by this.
    """
    from services.keys.restoring.look import NothingToAccept

    reason, left_out = _sane(reason), _known(without or [])
    if log == "sensors":
        sensors.accept(data, yes=yes, as_json=as_json)
        return
    if log != "keys":
        raise typer.BadParameter(f"{log} is not one of keys, sensors", param_hint="--log")
    try:
        done = _accepted(data, left_out, reason) if yes else _looked_at(data, left_out)
    except NothingToAccept as error:
        raise Failure(f"{error}.") from None
    if as_json:
        print_json(_as_json(done, yes))
    else:
        _tell(done, yes)


def _accepted(data: Path, without: frozenset[str], reason: str) -> "Accepted":
    """Raises Failure or NothingToAccept."""
    from services.cli.host.organisation import keys_service
    from services.embedded.data_folder import DataFolder
    from shared.environment import text
    from shared.eventsourcing.origin import Origin
    from shared.settings import read_settings

    if text("DATABASE_URL"):
        signer, memories = read_settings().proof_keys.keys_signer, of_services(without)
    else:
        memories = of_folder(data, without, changes=True)
        signer = DataFolder(data).keys_signer()
    acceptance = keys_service(data, signer).acceptance
    if acceptance is None:
        raise Failure(
            "keys has no KEYS_SIGNING_KEY here, so no follower holds a signed head: they begin anew by themselves."
        )
    return acceptance.accept(memories, reason, Origin(actor="grillo restore"))


def _looked_at(data: Path, without: frozenset[str]) -> "Accepted":
    """Not a byte changes by it, whatever the files are like. Raises Failure or NothingToAccept."""
    from services.keys.restoring.look import look_at
    from shared.environment import text
    from shared.runtime.clock import SystemClock

    memories = of_services(without) if text("DATABASE_URL") else of_folder(data, without, changes=False)
    database = open_database("keys", data, to_read=True)
    require_current("keys", database)
    return look_at(database, SystemClock()).look(memories)


def _sane(reason: str) -> str:
    from shared.observability.redaction import redact
    from shared.values.names import NotAName, as_name

    try:
        named = as_name(reason)
    except NotAName as error:
        raise typer.BadParameter(str(error), param_hint="--reason") from None
    if len(named) > _REASON_CHARACTERS_MAX:
        raise typer.BadParameter(f"at most {_REASON_CHARACTERS_MAX} characters", param_hint="--reason")
    if redact(named) != named:
        raise typer.BadParameter("it must hold no key: the log is for ever", param_hint="--reason")
    return named


def _known(without: list[str]) -> frozenset[str]:
    for name in without:
        if name not in FOLLOWERS:
            raise typer.BadParameter(f"{name} is not one of {', '.join(FOLLOWERS)}", param_hint="--without")
    return frozenset(without)


def _as_json(done: "Accepted", is_done: bool) -> dict[str, Any]:
    lost, restored = done.losses, done.restored
    return {
        "accepted": is_done,
        "epoch": None if restored is None else restored.to_epoch,
        "position": done.head.position,
        "lost": None
        if lost is None
        else {
            "after": lost.common_position,
            "positions": lost.positions,
            "seen": [
                {"follower": each.follower, "position": each.head.position, "at": each.head.signed_at}
                for each in lost.heads
            ],
        },
        "followers": [{"follower": each.follower, "from": each.since, "to": each.until} for each in done.followers],
        "revoked": list(done.revoked),
        "deleted": list(done.deleted),
        "suspended": list(done.suspended),
        "created": [{"id": key.key_id, "organisation": key.organisation_id, "hint": key.hint} for key in done.gone],
    }


def _tell(done: "Accepted", is_done: bool) -> None:
    for each in done.followers:
        typer.echo(f"{each.follower} was put back: it knows nothing of {each.since or 'its beginning'} to {each.until}")
    if done.losses is not None:
        _tell_losses(done, done.losses, is_done)
    if is_done:
        typer.echo("Accepted. Gates serve again as soon as auth has followed the log; a few seconds as a rule.")
    else:
        typer.echo("Nothing was changed. If no newer database can be put in place, do it with --yes.")


def _tell_losses(done: "Accepted", lost: "Losses", is_done: bool) -> None:
    first, last = lost.heads[0].head, lost.newest
    typer.echo(
        f"The log ends at row {done.head.position}. {lost.positions} rows after {lost.common_position} are gone:"
    )
    typer.echo(
        f"  followers saw it end at row {first.position} at {first.signed_at}, at {last.position} at {last.signed_at}"
    )
    for what, ids in (("revoked", done.revoked), ("deleted", done.deleted), ("suspended", done.suspended)):
        typer.echo(f"{len(ids)} keys {'are' if is_done else 'would be'} {what} again")
        for key_id in ids:
            typer.echo(f"  {key_id}")
    typer.echo(f"{len(done.gone)} keys were created in what is gone; nothing brings them back, nor their secrets")
    for key in done.gone:
        typer.echo(f"  {key.key_id} of {key.organisation_id}{f', {key.hint}' if key.hint else ''}")
    if done.suspended:
        typer.echo("A suspended key's present secret is known to be dead: its owner rotates it, then resumes it.")
