"""Whether more has arrived is seen without waiting, and without taking it."""

import socket
from types import SimpleNamespace

from shared.messaging.consuming.queue_consumer import has_arrived


def test_what_has_arrived_is_seen_and_not_taken() -> None:
    here, there = socket.socketpair()
    connection = SimpleNamespace(sock=here)
    with here, there:
        assert not has_arrived(connection)
        there.send(b"frame")
        assert has_arrived(connection)
        assert here.recv(5) == b"frame"
        assert not has_arrived(connection)


def test_embedded_nothing_is_seen_to_arrive() -> None:
    assert not has_arrived(SimpleNamespace())
