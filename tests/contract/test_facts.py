"""What an event tells is in the words of the API wherever it is told: in histories, and in messages to channels."""

from typing import Any

import msgspec
import pytest

from services.keys.events import types
from services.keys.publication import publish
from services.keys.views.history import history_entry
from services.usage.notifications import message
from shared.eventsourcing.event_store import StoredEvent
from shared.replication.envelopes import Envelopes
from shared.values.timestamps import rfc3339
from tests.contract.golden_files import Golden, golden_files
from tests.examples import HINT, NOON, ORIGIN

FILES = [golden for golden in golden_files("keys") if golden.type.startswith("Key")]
INTERNAL = {"minute_limit", "day_limit", "digest", "previous_digest"}
# Whose event it is; an entry of a history has these beside its facts, but for the hint of a message.
BESIDE = {"key_id", "organisation_id", "revision", "actor", "hint"}


@pytest.mark.parametrize("golden", FILES, ids=[golden.name for golden in FILES])
def test_a_history_and_a_message_tell_the_same_facts_in_the_words_of_the_api(golden: Golden) -> None:
    metadata = msgspec.json.encode(ORIGIN).decode()
    row = StoredEvent(7, "key_1", 2, golden.type, golden.version, golden.text, metadata, rfc3339(NOON), "0" * 64)
    envelope = Envelopes("keys", types, publish).envelope(row, "epoch", None)
    sent: dict[str, Any] = msgspec.json.decode(message.of_event(envelope, HINT).payload)["data"]
    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(history_entry(row, None).facts))
    assert not INTERNAL & (sent.keys() | facts.keys())
    assert without(sent) == without(facts)
    if golden.type in ("KeyCreated", "KeyAccessChanged"):
        assert facts["limits"].keys() == {"minute", "day"}


def without(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in BESIDE}
