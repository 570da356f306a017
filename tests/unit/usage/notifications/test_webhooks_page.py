"""docs/webhooks.md says what is true: its Python, run against messages as they are signed, and its numbers."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.usage.alerting.rules.rule import PARAMETERS, Kind
from services.usage.notifications.channel import EVENTS, TEST_EVENT
from services.usage.notifications.channels.secret_encryption import new_secret
from services.usage.notifications.delivery import ATTEMPT_SECONDS_MAX, DELAYS_SECONDS
from services.usage.notifications.message import of_export
from services.usage.notifications.senders.webhook_sender import signed
from shared.contracts.sensors import ExportEnded

PAGE = (Path(__file__).parents[4] / "docs/webhooks.md").read_text()
PAYLOAD = json.dumps({"type": "KeyRevoked", "data": {"key_id": "key_1"}})


@pytest.fixture
def page() -> dict[str, Any]:
    """What the page's code defines, with a queue to put messages into."""
    queue: list[Any] = []
    known: dict[str, Any] = {"put_into_a_queue": queue.append, "queue": queue}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(example, "docs/webhooks.md", "exec"), known)  # noqa: S102  our own page
    return known


def test_its_receiver_takes_a_message_once_and_refuses_what_was_changed(page: dict[str, Any]) -> None:
    secret = new_secret()
    headers = signed("msg_1", PAYLOAD, [secret], datetime.now(UTC))
    receive = page["receive"]
    assert [receive(secret, headers, PAYLOAD.encode()) for _ in range(2)] == [204, 204]
    assert page["queue"] == [json.loads(PAYLOAD)]
    assert receive(secret, headers, PAYLOAD.replace("key_1", "key_2").encode()) == 400
    assert receive(new_secret(), headers, PAYLOAD.encode()) == 400


def test_its_own_verification_agrees_also_while_two_secrets_sign(page: dict[str, Any]) -> None:
    newer, older = new_secret(), new_secret()
    headers = signed("msg_1", PAYLOAD, [newer, older], datetime.now(UTC))
    is_signed = page["is_signed"]
    assert is_signed(newer, headers, PAYLOAD.encode())
    assert is_signed(older, headers, PAYLOAD.encode())
    assert not is_signed(new_secret(), headers, PAYLOAD.encode())
    assert not is_signed(newer, headers, PAYLOAD.encode() + b" ")


def test_it_names_every_event_and_every_kind_of_rule_with_its_defaults() -> None:
    for name in (*EVENTS, TEST_EVENT):
        assert f"`{name}`" in PAGE, name
    for kind in Kind:
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |")]
        defaults = PARAMETERS[kind]()
        for name in defaults.__dataclass_fields__:
            value = getattr(defaults, name)
            assert f"`{name}` {list(value) if isinstance(value, tuple) else value}" in row


def test_its_patience_is_the_one_there_is() -> None:
    assert f"{len(DELAYS_SECONDS) + 1} times in about three days" in PAGE
    assert f"within {ATTEMPT_SECONDS_MAX:.0f} seconds" in PAGE
    said = "after 5 and 30 seconds,\n2, 10 and 30 minutes, 1, 2, 4, 8, 12 and 14 hours"
    assert said in PAGE
    minutes, hours = (2, 10, 30), (1, 2, 4, 8, 12, 14, 14, 14)
    assert (5, 30, *(60 * each for each in minutes), *(3600 * each for each in hours)) == DELAYS_SECONDS


def test_its_example_of_a_message_is_json() -> None:
    alert, export = (json.loads(example) for example in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert alert["data"]["kind"] == "quota"
    ended = ExportEnded(export_id="exp_1", organisation_id="", key_id="", format="", finished_at=datetime.now(UTC))
    assert json.loads(of_export(ended, None).payload)["data"].keys() == export["data"].keys()
