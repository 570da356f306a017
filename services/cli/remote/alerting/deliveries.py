"""`grillo alerts deliveries …`: what was sent, and what came of it."""

from typing import Annotated, Any

import typer

from services.cli.arguments import AsJson
from services.cli.output import minute, text
from services.cli.remote.resource import Resource

app = typer.Typer(help="What was sent, and what came of it.", no_args_is_help=True)


def _last_answer(delivery: dict[str, Any]) -> str:
    last = delivery["last_answer"] or {}
    return text(last.get("status") or last.get("fault"))


DELIVERY = Resource(
    what="a delivery",
    path="/v1/deliveries",
    columns={
        "id": lambda delivery: delivery["id"],
        "created": lambda delivery: minute(delivery["created_at"]),
        "type": lambda delivery: delivery["type"],
        "channel": lambda delivery: delivery["channel_id"],
        "status": lambda delivery: delivery["status"],
        "attempts": lambda delivery: str(len(delivery["attempts"])),
        "last answer": _last_answer,
    },
)


@app.command("list")
def list_deliveries(
    channel: Annotated[str | None, typer.Option(help="To this channel only: its id.")] = None,
    status: Annotated[str | None, typer.Option(help="pending, sending, delivered, failed or held.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    DELIVERY.list(as_json, channel_id=channel, status=status)


DELIVERY.add_show(app)


@app.command()
def redeliver(delivery_id: Annotated[str, DELIVERY.id()], as_json: AsJson = False) -> None:
    """Send it again, under the same webhook-id."""
    DELIVERY.act(delivery_id, "redeliver", {}, lambda _: "is on its way again", as_json)
