"""`grillo alerts channels …`: where it is told, by webhook and mail."""

from typing import Annotated, Any

import typer

from services.cli.arguments import AsJson, time_text
from services.cli.output import text
from services.cli.remote.edits import Clearable, Revision, given
from services.cli.remote.outcome import Secret
from services.cli.remote.resource import Resource

app = typer.Typer(help="Where it is told: webhooks and mail.", no_args_is_help=True)
CLEARABLE = Clearable(names=("name", "events"))
# The member of a channel of each kind that says where.
TARGETS = {"webhook": "url", "email": "address"}
_SECRET = Secret(member="secret", renewed_by="grillo alerts channels rotate-secret {id} --instead")


def _secret(channel: dict[str, Any]) -> Secret | None:
    """Mail is not signed."""
    return _SECRET if channel.get("kind") == "webhook" else None


CHANNEL = Resource(
    what="a channel",
    path="/v1/channels",
    columns={
        "id": lambda channel: channel["id"],
        "name": lambda channel: channel["name"],
        "kind": lambda channel: channel["kind"],
        "to": lambda channel: channel[TARGETS[channel["kind"]]],
        "events": lambda channel: text(channel["events"]),
        "disabled": lambda channel: text(channel["disabled_reason"]),
        "held": lambda channel: text(channel["held"] or None),
    },
    secret=_secret,
)
ChannelId = Annotated[str, CHANNEL.id()]
Name = Annotated[str | None, typer.Option(help="What people call it; by default the host it is at.")]
Events = Annotated[list[str] | None, typer.Option("--event", help="AlertRaised, KeyRevoked, …; repeat for several.")]


@app.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels."""
    CHANNEL.list(as_json)


CHANNEL.add_show(app)


@app.command()
def create(
    kind: Annotated[str, typer.Argument(help="webhook or email.")],
    target: Annotated[str, typer.Argument(help="Of a webhook https://HOST/PATH, of email ops@example.org.")],
    name: Name = None,
    event: Events = None,
    as_json: AsJson = False,
) -> None:
    """Create a channel. A webhook's secret is printed on standard output, and shown only once."""
    if kind not in TARGETS:
        raise typer.BadParameter(f"{kind} is not one of {', '.join(TARGETS)}", param_hint="KIND")
    CHANNEL.create({"kind": kind, TARGETS[kind]: target} | given(name=name, events=event or None), as_json)


@app.command()
def edit(
    channel_id: ChannelId,
    url: Annotated[str | None, typer.Option(help="Where a webhook goes now.")] = None,
    address: Annotated[str | None, typer.Option(help="Where mail goes now.")] = None,
    name: Name = None,
    event: Events = None,
    clear: Annotated[list[str] | None, typer.Option(help=CLEARABLE.help())] = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Change a channel. What is not named stays; its secret, too."""
    patch = CLEARABLE.cleared(given(url=url, address=address, name=name, events=event or None), clear)
    CHANNEL.edit(channel_id, patch, revision, as_json)


@app.command()
def disable(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Send nothing to it: what it would have been sent is held."""
    CHANNEL.edit(channel_id, {"disabled": True}, None, as_json, "disabled")


@app.command()
def enable(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Send to it again, also after its receiver answered 410; `replay` sends what was held."""
    CHANNEL.edit(channel_id, {"disabled": False}, None, as_json, "enabled")


@app.command("test")
def send_test(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Send a test message."""
    CHANNEL.act(channel_id, "test", {}, lambda _: "is on its way", as_json)


@app.command("rotate-secret")
def rotate_secret(
    channel_id: ChannelId,
    overlap: Annotated[
        int | None, typer.Option(help="Seconds for which the secret before signs, too; by default a day's.")
    ] = None,
    instead: Annotated[
        bool, typer.Option("--instead", help="Replace the newest secret alone, whose answer was lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, printed on standard output, and shown only once."""
    body = given(overlap_seconds=overlap, instead=instead or None)
    CHANNEL.act(channel_id, "rotate-secret", body, lambda _: "has a new secret", as_json)


@app.command()
def replay(
    channel_id: ChannelId,
    since: Annotated[
        str | None, typer.Option(help="RFC 3339: only what was held then or later.", callback=time_text)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send what was held while it was disabled, under the same webhook-ids."""
    CHANNEL.act(channel_id, "replay", given(since=since), _replayed, as_json)


CHANNEL.add_delete(app, "what is on its way to it fails")


def _replayed(answer: dict[str, Any]) -> str:
    return f"has {answer['replayed']} messages on their way, and {answer['held']} still held"
