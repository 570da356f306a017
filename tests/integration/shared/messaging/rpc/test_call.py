"""A call over RPC while the broker is away."""

import pytest

from shared.messaging.rpc import call as rpc
from shared.messaging.rpc.call import CallFailed, call
from tests.servers import free_port


def test_a_broker_that_is_away_is_no_answer_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy would, after two seconds: so much of its lease would each pull over HTTP cost a gate meanwhile."""
    monkeypatch.setattr(rpc, "RpcClient", lambda *_, **__: pytest.fail("the proxy was asked"))
    with pytest.raises(CallFailed, match=r"keys\.feed\.pull: ConnectionRefusedError"):
        call(f"amqp://127.0.0.1:{free_port()}/", "keys.feed", "pull", seconds_max=0.5)
