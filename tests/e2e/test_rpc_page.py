"""docs/rpc.md says what is true: its examples, run against the services on RabbitMQ, which count each call."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

import shared.messaging.rpc.procedures  # noqa: F401  makes errors arrive as their classes
from shared.contracts.errors import Conflict, InvalidArguments, NotAllowed, NotFound
from shared.messaging.rpc.client import RpcClient
from tests.e2e.running import Distributed, eventually

PAGE = Path(__file__).parents[2] / "docs/rpc.md"
ACCOUNT = "back-office"
SERVICES = ("keys", "auth", "usage", "sensors")
PROCEDURES = (
    "keys.get_key",
    "keys.history",
    "keys.suspend_key",
    "keys.resume_key",
    "keys.revoke_key",
    "keys.delete_key",
    "keys.feed.pull",
    "auth.verify",
    "usage.summary",
    "usage.last_day",
    "usage.activity",
    "usage.activity_file",
    "usage.used",
    "usage.organisation_summary",
    "usage.alerts",
    "usage.channels",
    "usage.spent",
    "sensors.list_sensors",
    "sensors.networks_of",
    "sensors.sensor_states",
    "sensors.network_states",
    "sensors.create_network",
    "sensors.change_network",
    "sensors.delete_network",
)
_COUNTED = re.compile(r'grillo_rpc_calls_total\{method="(\w+)",outcome="answered",service="([\w.]+)"\} ([\d.]+)')
pytestmark = pytest.mark.xdist_group("distributed")


def test_the_examples_of_the_page_run_and_reach_every_procedure(distributed: Distributed) -> None:
    _, secret = distributed.create_key("sensors:read")
    _use_a_dead_key(distributed)
    before = _calls(distributed)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    known: dict[str, Any] = {
        "amqp_uri": distributed.stack.amqp_uri(ACCOUNT),
        "RpcClient": RpcClient,
        "hashlib": hashlib,
        "organisation": distributed.organisation,
        "secret": secret,
        "NotFound": NotFound,
        "NotAllowed": NotAllowed,
        "Conflict": Conflict,
        "InvalidArguments": InvalidArguments,
    }
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), known)  # noqa: S102  our own page
    known["client"].stop()
    after = _calls(distributed)
    assert {procedure for procedure in PROCEDURES if after[procedure] <= before.get(procedure, 0)} == set()
    # Usage itself has asked keys: for the lifecycle in an activity, and for names in alerts.
    assert after["keys.history"] - before.get("keys.history", 0) == 6
    assert after["keys.get_key"] - before.get("keys.get_key", 0) >= 2


def _use_a_dead_key(distributed: Distributed) -> None:
    """And wait until usage has raised its alert."""
    key_id, secret = distributed.create_key("sensors:read", name="Left in a script")
    with distributed.admin() as admin:
        admin.post(f"/v1/keys/{key_id}/revoke").raise_for_status()
    with distributed.client(secret) as script:
        assert script.get("/v1/sensors").status_code == 401
    with RpcClient(distributed.stack.amqp_uri(ACCOUNT), timeout=10) as cluster:
        (alert,) = eventually(
            lambda: [
                raised
                for raised in cluster.usage.alerts(distributed.organisation, limit=100)
                if (raised["key_id"], raised["kind"]) == (key_id, "dead-key-used")
            ],
            bool,
        )
    assert alert["key_name"] == "Left in a script"
    assert alert["facts"]["route"] == "/v1/sensors"


def _calls(distributed: Distributed) -> dict[str, float]:
    """procedure → calls answered, over all processes of each service, as its internal door counts them."""
    found: dict[str, float] = {}
    for service in SERVICES:
        text = distributed.stack.metrics(service)
        found |= {f"{name}.{method}": float(count) for method, name, count in _COUNTED.findall(text)}
    return found
