"""`grillo alerts …`: alerts, their rules, channels and deliveries, over the API."""

from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.output import minute, print_json, tables, text
from services.cli.remote.client import Client, id_in_path

app = typer.Typer(help="Alerts, the rules that raise them, and the channels that are told.", no_args_is_help=True)
rules = typer.Typer(help="When somebody should know.", no_args_is_help=True)
channels = typer.Typer(help="Where it is told: webhooks and mail.", no_args_is_help=True)
deliveries = typer.Typer(help="What was sent, and what came of it.", no_args_is_help=True)
app.add_typer(rules, name="rules")
app.add_typer(channels, name="channels")
app.add_typer(deliveries, name="deliveries")
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
RuleId = Annotated[str, typer.Argument(help="The rule's id, rul_…", callback=id_in_path)]
ChannelId = Annotated[str, typer.Argument(help="The channel's id, chn_…", callback=id_in_path)]
DeliveryId = Annotated[str, typer.Argument(help="The delivery's id, dlv_…", callback=id_in_path)]
Events = Annotated[list[str] | None, typer.Option("--event", help="AlertRaised, KeyRevoked, …; repeat for several.")]


@app.command("list")
def list_alerts(
    key: Annotated[str | None, typer.Option(help="Of this key only: its id.")] = None,
    status: Annotated[str | None, typer.Option(help="open or resolved.")] = None,
    as_json: AsJson = False,
) -> None:
    """List alerts, newest first."""
    found = Client().pages("/v1/alerts", key_id=key, status=status)
    if as_json:
        print_json(found)
        return
    table = Table("raised", "resolved", "kind", "key", "facts", box=None)
    for alert in found:
        resolved = minute(alert["resolved_at"]) if alert["resolved_at"] else "open"
        facts = {name: value for name, value in alert["facts"].items() if name != "at"}
        table.add_row(minute(alert["raised_at"]), resolved, alert["kind"], alert["key_id"], text(facts))
    tables().print(table)


@rules.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """List the rules, those that every organisation has and your own."""
    found = Client().pages("/v1/alert-rules")
    if as_json:
        print_json(found)
        return
    table = Table("id", "kind", "parameters", "about", "channels", "muted", box=None)
    for rule in found:
        about = rule["label"] or text(rule["key_ids"]) or "all keys"
        told = text(rule["channels"]) or "all"
        table.add_row(rule["id"], rule["kind"], text(rule["parameters"]), about, told, "muted" if rule["muted"] else "")
    tables().print(table)


@rules.command("create")
def create_rule(
    kind: Annotated[
        str,
        typer.Argument(
            help="quota, error-rate, new-source, volume, dead-key-used, key-expiring or key-unused.",
        ),
    ],
    parameter: Annotated[
        list[str] | None, typer.Option(help="name=number, or name=80,100 for several; repeat for others.")
    ] = None,
    key: Annotated[list[str] | None, typer.Option(help="About this key: its id; repeat for several.")] = None,
    label: Annotated[str | None, typer.Option(help="About the keys that carry it: name=value.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Told to this channel: its id; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a rule, about all keys unless some are named."""
    body: dict[str, Any] = {"kind": kind, "parameters": dict(map(_parameter, parameter or []))}
    body |= {"key_ids": key} if key else {}
    body |= {"label": label.replace("=", ":", 1)} if label else {}
    body |= {"channels": channel} if channel else {}
    _tell(Client().post("/v1/alert-rules", body), "created", as_json)


@rules.command()
def mute(rule_id: RuleId, as_json: AsJson = False) -> None:
    """Raise its alerts, and tell nobody."""
    _tell(Client().patch(f"/v1/alert-rules/{rule_id}", {"muted": True}, {}), "muted", as_json)


@rules.command()
def unmute(rule_id: RuleId, as_json: AsJson = False) -> None:
    """Tell its channels again."""
    _tell(Client().patch(f"/v1/alert-rules/{rule_id}", {"muted": False}, {}), "unmuted", as_json)


@rules.command("delete")
def delete_rule(rule_id: RuleId, as_json: AsJson = False) -> None:
    """Delete a rule; the alerts it has raised stay."""
    _tell(Client().delete(f"/v1/alert-rules/{rule_id}"), "deleted", as_json)


@channels.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels."""
    found = Client().pages("/v1/channels")
    if as_json:
        print_json(found)
        return
    table = Table("id", "kind", "to", "events", "disabled", box=None)
    for channel in found:
        disabled = channel["disabled_reason"] or ""
        table.add_row(channel["id"], channel["kind"], _target(channel), text(channel["events"]), disabled)
    tables().print(table)


@channels.command("webhook")
def create_webhook(
    url: Annotated[str, typer.Argument(help="https://HOST/PATH")], event: Events = None, as_json: AsJson = False
) -> None:
    """Create a webhook. Its secret is printed on standard output, and shown only once."""
    body: dict[str, Any] = {"kind": "webhook", "url": url} | ({"events": event} if event else {})
    _tell(Client().post("/v1/channels", body), "created", as_json)


@channels.command("email")
def create_email(
    address: Annotated[str, typer.Argument(help="ops@example.org")], event: Events = None, as_json: AsJson = False
) -> None:
    """Create a channel for mail."""
    body: dict[str, Any] = {"kind": "email", "address": address} | ({"events": event} if event else {})
    _tell(Client().post("/v1/channels", body), "created", as_json)


@channels.command("test")
def send_test(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Send a test message."""
    _tell(Client().post(f"/v1/channels/{channel_id}/test", {}), "is on its way", as_json)


@channels.command("rotate-secret")
def rotate_secret(
    channel_id: ChannelId,
    overlap: Annotated[int, typer.Option(help="Seconds for which the secret before signs, too.")] = 86_400,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, printed on standard output, and shown only once."""
    rotated = Client().post(f"/v1/channels/{channel_id}/rotate-secret", {"overlap_seconds": overlap})
    _tell(rotated, "has a new secret", as_json)


@channels.command()
def enable(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Send to it again, also after its receiver answered 410."""
    _tell(Client().patch(f"/v1/channels/{channel_id}", {"disabled": False}, {}), "enabled", as_json)


@channels.command("delete")
def delete_channel(channel_id: ChannelId, as_json: AsJson = False) -> None:
    """Delete a channel; what is on its way to it has failed."""
    _tell(Client().delete(f"/v1/channels/{channel_id}"), "deleted", as_json)


@deliveries.command("list")
def list_deliveries(
    channel: Annotated[str | None, typer.Option(help="To this channel only: its id.")] = None,
    status: Annotated[str | None, typer.Option(help="pending, sending, delivered or failed.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    found = Client().pages("/v1/deliveries", channel_id=channel, status=status)
    if as_json:
        print_json(found)
        return
    table = Table("id", "created", "type", "channel", "status", "attempts", "last answer", box=None)
    for one in found:
        last = one["last_answer"] or {}
        answer = text(last.get("status") or last.get("fault"))
        sent = (one["id"], minute(one["created_at"]), one["type"], one["channel_id"], one["status"])
        table.add_row(*sent, str(len(one["attempts"])), answer)
    tables().print(table)


@deliveries.command()
def redeliver(delivery_id: DeliveryId, as_json: AsJson = False) -> None:
    """Send it again, under the same webhook-id."""
    _tell(Client().post(f"/v1/deliveries/{delivery_id}/redeliver", {}), "is on its way again", as_json)


def _tell(changed: dict[str, Any], what: str, as_json: bool) -> None:
    """A secret alone on standard output."""
    if as_json:
        print_json(changed)
        return
    secret = changed.get("secret")
    if secret is not None:
        typer.echo(secret)
        typer.echo("This is the only time its secret is shown.", err=True)
    typer.echo(f"{changed['id']} {what}.", err=secret is not None)


def _target(channel: dict[str, Any]) -> str:
    return text(channel.get("url") or channel.get("address"))


def _parameter(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    parts = value.split(",")
    if not equals or not all(part.isascii() and part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{given!r} is not name=number")
    numbers = [int(part) for part in parts]
    return name, numbers if len(numbers) > 1 or name.startswith("thresholds") else numbers[0]
