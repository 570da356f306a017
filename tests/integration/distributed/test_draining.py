"""A public door that stops while another serves: nobody who sent a request is reset, and who comes late is refused."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.distributed.draining import drop_new_connections
from tests.e2e.running import eventually
from tests.servers import free_port

DOOR = """if True:
    import sys
    from granian import Granian
    from services.distributed.draining import Draining, drain_before_sigterm

    port, seconds = int(sys.argv[1]), float(sys.argv[2])

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"served"]

    def load(_target):
        return Draining(application, port, seconds)

    server = Granian("", address="127.0.0.1", port=port, interface="wsgi", log_enabled=False)
    server.on_startup(drain_before_sigterm(seconds))
    server.serve(target_loader=load)
"""

PARENT = """if True:
    import multiprocessing, pathlib, sys
    from services.distributed.lifeline import at_end

    child = multiprocessing.get_context(sys.argv[1]).Process(target=at_end, args=(pathlib.Path(sys.argv[2]).touch,))
    child.start()
    child.join()
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def door(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", DOOR, str(port), "4"])
    yield process
    process.kill()
    process.wait()


def test_a_door_that_drains_serves_each_connection_once_more_and_then_refuses(
    door: "subprocess.Popen[bytes]", port: int
) -> None:
    eventually(lambda: _refused(port), lambda refused: not refused)
    kept = http.client.HTTPConnection("127.0.0.1", port)
    assert _ends_after_a_request(kept) is False
    door.send_signal(signal.SIGTERM)
    eventually(lambda: _ends_after_a_request(http.client.HTTPConnection("127.0.0.1", port)), bool)
    assert _ends_after_a_request(kept) is True, "it was neither closed before, nor left open after"
    eventually(lambda: _refused(port), bool)
    assert door.wait(30) == 0


def test_who_asks_for_a_connection_before_the_door_closes_is_dropped_and_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        with socket.create_connection(place) as known, socket.create_connection(place) as waiting:
            served, _ = listening.accept()
            drop_new_connections(place[1])
            with pytest.raises(TimeoutError):
                socket.create_connection(place, timeout=0.2)
            known.sendall(b"1")
            waiting.sendall(b"2")
            accepted, _ = listening.accept()
            with served, accepted:
                assert (served.recv(1), accepted.recv(1)) == (b"1", b"2")
                listening.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listening.accept()


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_what_a_process_does_at_its_end_is_done_however_it_was_started(how: str, tmp_path: Path) -> None:
    """Granian forks its workers; by atexit nothing is done in those before Python 3.13."""
    subprocess.run([sys.executable, "-c", PARENT, how, tmp_path / "done"], check=True, timeout=60)
    assert (tmp_path / "done").exists()


def _ends_after_a_request(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"served")
    return answer.getheader("Connection") == "close"


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False
