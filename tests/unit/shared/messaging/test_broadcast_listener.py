"""What a gate's listener hears of the messages that have come, and when it acknowledges them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from shared.messaging import broadcast_listener
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.broadcast_listener import HEARD_MAX, Listener
from shared.messaging.exchanges import broadcast_queue


class Arriving:
    """A connection that brings these messages, one at each look. `acknowledged`: up to which, each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, accounts: Accounts = ALL_BELIEVED) -> None:
        self.keys, self.counted = broadcast_queue("gate", "keys"), broadcast_queue("gate", "usage", "BatchesCounted")
        self.heard: list[tuple[str, list[Any]]] = []
        self.acknowledged: list[Any] = []
        self.waiting: list[tuple[Any, Any, str]] = []
        hear = {self.keys: self._hear("keys"), self.counted: self._hear("counted")}
        self.listener = Listener("memory://", hear, accounts)
        self.listener.on_consume_ready(SimpleNamespace(connection=None), None, [])
        monkeypatch.setattr(broadcast_listener, "has_arrived", lambda _connection: bool(self.waiting))

    def bring(self, *messages: Any, by: Any = None, account: str = "keys") -> None:
        self.waiting += [(by or self.keys, body, account) for body in messages]

    def run(self) -> None:
        while self.waiting:
            queue, body, account = self.waiting.pop(0)
            self.listener._take(queue, body, self._message(queue, body, account))
            self.listener.on_iteration()

    def _message(self, queue: Any, body: Any, account: str) -> Any:
        def ack(*, multiple: bool) -> None:
            assert multiple
            self.acknowledged.append(body)

        exchange = {"exchange": queue.exchange.name}
        return SimpleNamespace(ack=ack, properties={"user_id": account}, delivery_info=exchange, headers={})

    def _hear(self, name: str) -> Any:
        def hear(bodies: Sequence[Any]) -> None:
            self.heard.append((name, list(bodies)))
            if "bad" in bodies:
                raise ValueError

        return hear


def test_what_has_come_is_heard_at_once_by_each_queue_s_handler_and_acknowledged_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arriving = Arriving(monkeypatch)
    arriving.bring(1, 2)
    arriving.bring("a", by=arriving.counted)
    arriving.bring(3)
    arriving.run()
    arriving.bring(4)
    arriving.run()
    assert arriving.heard == [("keys", [1, 2, 3]), ("counted", ["a"]), ("keys", [4])]
    assert arriving.acknowledged == [3, 4]


def test_what_goes_on_coming_is_heard_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    arriving = Arriving(monkeypatch)
    arriving.bring(*range(HEARD_MAX + 1))
    arriving.run()
    assert [len(bodies) for _, bodies in arriving.heard] == [HEARD_MAX, 1]


def test_one_of_which_the_handler_raises_takes_no_neighbour_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    arriving = Arriving(monkeypatch)
    arriving.bring(1, "bad", 3)
    arriving.run()
    assert [bodies for _, bodies in arriving.heard] == [[1, "bad", 3], [1], ["bad"], [3]]
    assert arriving.acknowledged == [3]


def test_one_that_its_account_may_not_say_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    arriving = Arriving(monkeypatch, Accounts(demanded=True))
    arriving.bring(1)
    arriving.bring("forged", account="usage")
    arriving.run()
    assert arriving.heard == [("keys", [1])]
    assert arriving.acknowledged == ["forged"]
