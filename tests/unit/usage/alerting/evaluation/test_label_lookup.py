"""A rule that names a label asks keys whether a key carries it: not every time, and never so that one is missed."""

from typing import Any

import pytest

from services.usage.alerting.evaluation.label_lookup import AWAY_SECONDS, REMEMBERED_SECONDS, LabelLookup
from services.usage.known_keys.keys_client import KeysClient
from shared.contracts.errors import NotFound, ServiceError, Unavailable
from shared.runtime.clock import ManualClock

ASKED = ("org_1", "key_1", "env:prod")


class Keys(KeysClient):
    """Answers as told, and counts."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {"env": "prod"}
        self.fault: ServiceError | None = None
        self.calls = 0

    def get_key(self, organisation_id: str, key_id: str) -> dict[str, Any]:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return {"labels": self.labels}


@pytest.fixture
def keys() -> Keys:
    return Keys()


def test_name_and_value_must_be_the_key_s(keys: Keys, clock: ManualClock) -> None:
    labels = LabelLookup(keys, clock)
    assert labels.carries(*ASKED)
    assert not labels.carries("org_1", "key_1", "env:test")
    assert not labels.carries("org_1", "key_1", "environment:prod")


def test_an_answer_is_remembered_for_a_while(keys: Keys, clock: ManualClock) -> None:
    labels = LabelLookup(keys, clock)
    assert [labels.carries(*ASKED) for _ in range(3)] == [True] * 3
    assert keys.calls == 1
    keys.labels = {}
    clock.advance(REMEMBERED_SECONDS + 1)
    assert not labels.carries(*ASKED)


def test_while_keys_is_away_it_is_so_and_of_a_deleted_key_it_is_not(keys: Keys, clock: ManualClock) -> None:
    labels = LabelLookup(keys, clock)
    keys.fault = Unavailable("keys is away")
    assert labels.carries(*ASKED)
    clock.advance(AWAY_SECONDS)
    keys.fault = NotFound("no such key")
    assert not labels.carries(*ASKED)
    keys.fault = None
    assert labels.carries(*ASKED)


def test_one_call_that_is_not_answered_stands_for_all_of_a_moment(keys: Keys, clock: ManualClock) -> None:
    labels = LabelLookup(keys, clock)
    keys.fault = Unavailable("keys is away")
    assert all(labels.carries("org_1", f"key_{number}", "env:prod") for number in range(100))
    assert keys.calls == 1
    clock.advance(AWAY_SECONDS)
    keys.fault, keys.labels = None, {}
    assert not labels.carries(*ASKED)
