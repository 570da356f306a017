"""Events as they come off a queue: believed by the account that RabbitMQ has checked, else counted and dropped."""

from types import SimpleNamespace

import pytest

from shared.messaging.accounts.admission import Refused, believed
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.exchanges import ORIGINAL_SENDER, durable_queue
from shared.observability import metrics

DEMANDED = Accounts(demanded=True)
QUEUE = durable_queue("auth", "keys")


def message(user_id: str | None, exchange: str = "keys.events", headers: dict[str, str] | None = None) -> object:
    properties = {} if user_id is None else {"user_id": user_id}
    return SimpleNamespace(properties=properties, delivery_info={"exchange": exchange}, headers=headers or {})


def refused(reason: Refused) -> float:
    count: float = metrics.messages_refused.labels(reason.value)._value.get()
    return count


def test_an_event_is_believed_from_its_service_alone_and_others_are_counted() -> None:
    assert believed(DEMANDED, QUEUE, message("keys"))
    before = refused(Refused.EVENT), refused(Refused.NO_ACCOUNT)
    assert not believed(DEMANDED, QUEUE, message("sensors"))
    assert not believed(DEMANDED, QUEUE, message(None))
    assert (refused(Refused.EVENT), refused(Refused.NO_ACCOUNT)) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("exchange", ["", "sensors.events", "usage.replayed"])
def test_what_came_by_another_way_is_refused(exchange: str) -> None:
    assert not believed(DEMANDED, QUEUE, message("keys", exchange))


def test_a_replayed_dead_letter_is_believed_as_far_as_its_first_sender() -> None:
    assert believed(DEMANDED, QUEUE, message("auth", "auth.replayed", {ORIGINAL_SENDER: "keys"}))
    assert not believed(DEMANDED, QUEUE, message("auth", "auth.replayed", {ORIGINAL_SENDER: "sensors"}))
    assert not believed(DEMANDED, QUEUE, message("auth", "auth.replayed"))
    assert not believed(DEMANDED, QUEUE, message("sensors", "auth.replayed", {ORIGINAL_SENDER: "keys"}))
    assert not believed(DEMANDED, QUEUE, message("auth", "keys.events", {ORIGINAL_SENDER: "keys"}))


def test_where_nothing_is_demanded_all_are_believed() -> None:
    assert believed(ALL_BELIEVED, QUEUE, message(None, ""))
