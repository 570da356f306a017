"""`grillo alerts …`: what was raised; and the groups for rules, channels and deliveries."""

from typing import Annotated, Any

import typer

from services.cli.arguments import AsJson, Since, Until
from services.cli.output import minute, text
from services.cli.remote.alerting import channels, deliveries, rules
from services.cli.remote.resource import Resource

app = typer.Typer(help="Alerts, the rules that raise them, and the channels that are told.", no_args_is_help=True)
app.add_typer(rules.app, name="rules")
app.add_typer(channels.app, name="channels")
app.add_typer(deliveries.app, name="deliveries")


def _facts(alert: dict[str, Any]) -> str:
    return text({name: value for name, value in alert["facts"].items() if name != "at"})


ALERT = Resource(
    what="an alert",
    path="/v1/alerts",
    columns={
        "id": lambda alert: alert["id"],
        "raised": lambda alert: minute(alert["raised_at"]),
        "resolved": lambda alert: minute(alert["resolved_at"]) if alert["resolved_at"] else "open",
        "kind": lambda alert: alert["kind"],
        "key": lambda alert: alert["key_id"],
        "facts": _facts,
    },
)


@app.command("list")
def list_alerts(
    key: Annotated[str | None, typer.Option(help="Of this key only: its id.")] = None,
    rule: Annotated[str | None, typer.Option(help="That met this rule only: its id.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Of this kind only: {rules.KINDS}.")] = None,
    status: Annotated[str | None, typer.Option(help="open or resolved.")] = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """List alerts, newest first."""
    ALERT.list(as_json, key_id=key, rule_id=rule, kind=kind, status=status, to=until, **{"from": since})


ALERT.add_show(app)
