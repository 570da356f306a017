"""What a follower is given of the messages that have come, and what becomes of each of them."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event
from nameko.containers import ServiceContainer

from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.entrypoints import ACCOUNTS, FOLLOWED_MAX, follows

WAIT_SECONDS = 30


class Broker:
    """A queue's messages, each either acknowledged, rejected, or still to be settled."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.acknowledgements = 0

    def message(self, body: Any, account: str = "keys") -> "Message":
        message = Message(self, body, account)
        self.messages.append(message)
        return message

    def told(self, fate: str) -> list[Any]:
        return [message.body for message in self.messages if message.fate == fate]


class Message:
    def __init__(self, broker: Broker, body: Any, account: str) -> None:
        self.body, self.fate, self._broker = body, "unsettled", broker
        self.channel = SimpleNamespace(connection=object())
        self.delivery_info, self.headers = {"exchange": "keys.events", "routing_key": "KeyCreated"}, dict[str, Any]()
        self.properties = {"user_id": account}

    def decode(self) -> Any:
        if self.body == "unreadable":
            raise ValueError(self.body)
        return self.body

    def ack(self, multiple: bool = False) -> None:
        self._broker.acknowledgements += 1
        before = self._broker.messages[: self._broker.messages.index(self)] if multiple else []
        for message in (*before, self):
            if message.fate == "unsettled":
                message.fate = "acknowledged"

    def reject(self) -> None:
        self.fate = "rejected"


class Following:
    """A container with one follower, whose queue is `broker`. `given`: its batches."""

    def __init__(self, method: Callable[[list[Any]], None], accounts: Accounts) -> None:
        given = self.given = list[list[Any]]()

        class Service:
            name = "auth"

            @follows("auth", "keys")
            def hear(self, bodies: list[Any]) -> None:
                given.append(list(bodies))
                method(bodies)

        self.broker = Broker()
        self.container = ServiceContainer(Service, {"AMQP_URI": "amqp://", ACCOUNTS: accounts})
        (self.entrypoint,) = self.container.entrypoints

    def offer(self, *bodies: Any, account: str = "keys") -> None:
        for body in bodies:
            self.entrypoint.offer(self.broker.message(body, account))

    def settle(self) -> None:
        """Until nothing is left to do."""
        while self.entrypoint._is_busy:
            eventlet.sleep(0)


Start = Callable[..., Following]


@pytest.fixture
def start() -> Iterator[Start]:
    def following(
        method: Callable[[list[Any]], None] = lambda bodies: None, accounts: Accounts = ALL_BELIEVED
    ) -> Following:
        return Following(method, accounts)

    with eventlet.Timeout(WAIT_SECONDS):
        yield following


def test_what_comes_while_a_batch_is_applied_is_the_next_batch_acknowledged_at_once(start: Start) -> None:
    go_on = Event()
    following = start(lambda bodies: go_on.wait() if bodies == [1] else None)
    following.offer(1)
    while not following.given:
        eventlet.sleep(0)
    following.offer(2, 3, 4)
    assert following.broker.told("unsettled") == [1, 2, 3, 4]
    go_on.send()
    following.settle()
    assert following.given == [[1], [2, 3, 4]]
    assert following.broker.told("acknowledged") == [1, 2, 3, 4]
    assert following.broker.acknowledgements == 2


def test_a_batch_is_bounded(start: Start) -> None:
    following = start()
    following.offer(*range(FOLLOWED_MAX + 1))
    following.settle()
    assert [len(batch) for batch in following.given] == [FOLLOWED_MAX, 1]


def _refuse_two(bodies: list[Any]) -> None:
    if 2 in bodies:
        raise ValueError


def test_one_of_which_the_method_raises_is_rejected_and_takes_no_neighbour_with_it(start: Start) -> None:
    following = start(_refuse_two)
    following.offer(1, 2, 3)
    following.settle()
    following.offer(4, 5)
    following.settle()
    assert following.given == [[1, 2, 3], [1], [2], [3], [4, 5]]
    assert following.broker.told("rejected") == [2]
    assert following.broker.told("acknowledged") == [1, 3, 4, 5]


def test_one_that_cannot_be_read_is_rejected_alone(start: Start) -> None:
    following = start()
    following.offer(1, "unreadable", 3)
    following.settle()
    assert following.given == [[1, 3]]
    assert following.broker.told("rejected") == ["unreadable"]
    assert following.broker.told("acknowledged") == [1, 3]


def test_one_that_its_account_may_not_say_is_not_shown_to_the_method(start: Start) -> None:
    following = start(accounts=Accounts(demanded=True))
    following.offer(1)
    following.offer("forged", account="usage")
    following.offer(3)
    following.settle()
    assert following.given == [[1, 3]]
    assert following.broker.told("acknowledged") == [1, "forged", 3]


@pytest.mark.parametrize("body", [None, [], "", 0])
def test_an_empty_message_is_for_the_method_to_judge(start: Start, body: Any) -> None:
    following = start()
    following.offer(body)
    following.settle()
    assert following.given == [[body]]


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_stop_lets_the_batch_end_and_gives_back_what_waits(start: Start, ends: str) -> None:
    go_on = Event()

    def method(bodies: list[Any]) -> None:
        go_on.wait()
        if ends == "badly":
            raise ValueError

    following = start(method)
    following.offer(1)
    while not following.given:
        eventlet.sleep(0)
    following.offer(2, 3)
    following.entrypoint.stop()
    go_on.send()
    following.settle()
    assert following.given == [[1]]
    assert following.broker.told("acknowledged" if ends == "well" else "rejected") == [1]
    assert following.broker.told("unsettled") == [2, 3]


def test_what_a_lost_connection_had_brought_is_neither_given_nor_settled(start: Start) -> None:
    """The broker has taken it back."""
    go_on = Event()
    following = start(lambda bodies: go_on.wait())
    following.offer(1)
    while not following.given:
        eventlet.sleep(0)
    following.offer(2)
    for message in following.broker.messages:
        message.channel.connection = None
    following.offer(3)
    go_on.send()
    following.settle()
    assert following.given == [[1], [3]]
    assert following.broker.acknowledgements == 1
