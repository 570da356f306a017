"""`grillo alerts rules …`: when somebody should know."""

from typing import Annotated, Any

import typer

from services.cli.arguments import LABEL_FORM, AsJson, label_text
from services.cli.output import text
from services.cli.remote.edits import Clearable, Revision, given
from services.cli.remote.resource import Resource

app = typer.Typer(help="When somebody should know.", no_args_is_help=True)
KINDS = "quota, error-rate, new-source, volume, dead-key-used, key-expiring or key-unused"
CLEARABLE = Clearable(names=("parameters", "key_ids", "label", "channels"), inside=("parameters",))
RULE = Resource(
    what="an alert rule",
    path="/v1/alert-rules",
    columns={
        "id": lambda rule: rule["id"],
        "kind": lambda rule: rule["kind"],
        "parameters": lambda rule: text(rule["parameters"]),
        "about": lambda rule: rule["label"] or text(rule["key_ids"]) or "all keys",
        "channels": lambda rule: text(rule["channels"]) or "all",
        "muted": lambda rule: "muted" if rule["muted"] else "",
        "warnings": lambda rule: text(rule["warnings"]),
    },
)
RuleId = Annotated[str, RULE.id()]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", help="NAME=NUMBER, or NAME=80,100 for several; repeat for others."),
]
Keys = Annotated[list[str] | None, typer.Option("--key", help="About this key: its id; repeat for several.")]
Label = Annotated[str | None, typer.Option(help=f"About the keys that carry it: {LABEL_FORM}.")]
Channels = Annotated[
    list[str] | None, typer.Option("--channel", help="Told to this channel: its id; by default to all.")
]


@app.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """List the rules, those that every organisation has and your own."""
    RULE.list(as_json)


RULE.add_show(app)


@app.command()
def create(
    kind: Annotated[str, typer.Argument(help=f"{KINDS}.")],
    parameter: Parameters = None,
    key: Keys = None,
    label: Label = None,
    channel: Channels = None,
    muted: Annotated[bool, typer.Option("--muted", help="Its alerts are raised, and nobody is told.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a rule, about all keys unless some are named."""
    RULE.create({"kind": kind, "muted": muted} | _body(parameter, key, label, channel), as_json)


@app.command()
def edit(
    rule_id: RuleId,
    parameter: Parameters = None,
    key: Keys = None,
    label: Label = None,
    channel: Channels = None,
    clear: Annotated[list[str] | None, typer.Option(help=CLEARABLE.help())] = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Change a rule. What is not named stays; keys take the place of a label, and a label that of keys."""
    patch = CLEARABLE.cleared(_body(parameter, key, label, channel), clear)
    RULE.edit(rule_id, patch, revision, as_json)


@app.command()
def mute(rule_id: RuleId, as_json: AsJson = False) -> None:
    """Raise its alerts, and tell nobody."""
    RULE.edit(rule_id, {"muted": True}, None, as_json, "muted")


@app.command()
def unmute(rule_id: RuleId, as_json: AsJson = False) -> None:
    """Tell its channels again."""
    RULE.edit(rule_id, {"muted": False}, None, as_json, "unmuted")


RULE.add_delete(app, "the alerts it has raised stay")


def _body(
    parameters: list[str] | None, keys: list[str] | None, label: str | None, channels: list[str] | None
) -> dict[str, Any]:
    return given(
        parameters=dict(map(_parameter, parameters)) if parameters else None,
        key_ids=keys or None,
        label=None if label is None else label_text(label),
        channels=channels or None,
    )


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    parts = value.split(",")
    if not equals or not all(part.isascii() and part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not NAME=NUMBER, such as threshold_percent=10")
    numbers = [int(part) for part in parts]
    return name, numbers if len(numbers) > 1 or name.startswith("thresholds") else numbers[0]
