import time

import pytest

from shared.messaging.rpc_call import CallFailed, call
from tests.servers import free_port


def test_a_broker_that_is_away_is_no_answer_at_once() -> None:
    """Else one pull over HTTP that fails while RabbitMQ is away would cost a gate two seconds of its lease."""
    began = time.monotonic()
    with pytest.raises(CallFailed, match=r"keys\.feed\.pull: ConnectionRefusedError"):
        call(f"amqp://127.0.0.1:{free_port()}/", "keys.feed", "pull", seconds_max=0.5)
    assert time.monotonic() - began < 1.5
