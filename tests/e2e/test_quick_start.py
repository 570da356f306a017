"""docs/quick-start.md says what is true: every block is run as it stands, and waits as it should when told to."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.e2e.running import Embedded

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (Path(__file__).parents[2] / "docs/quick-start.md").read_text(), re.DOTALL)
RUN = {
    "bash": ["bash", "-euc"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "--eval"],
}
pytestmark = pytest.mark.xdist_group("embedded")


def run(number: int, **environment: str) -> str:
    language, text = BLOCKS[number]
    if shutil.which(RUN[language][0]) is None:
        pytest.skip(f"{RUN[language][0]} is not here")
    done = subprocess.run([*RUN[language], text], env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_blocks_are_those_this_test_knows() -> None:
    assert [language for language, _ in BLOCKS] == ["bash", "bash", "python", "javascript", "bash", "bash"]


def test_a_key_is_made_used_from_three_languages_rotated_and_revoked(embedded: Embedded) -> None:
    admin = {"GRILLO_URL": embedded.url, "GRILLO_ADMIN_KEY": embedded.admin_key}
    created = json.loads(run(0, **admin))
    again = json.loads(run(0, **admin))
    assert (again["id"], again["key"]) == (created["id"], None)
    reader = {"GRILLO_URL": embedded.url, "GRILLO_API_KEY": created["key"]}
    names = [sensor["name"] for sensor in json.loads(run(1, **reader))["data"]]
    assert len(names) == 2
    for block in (2, 3):
        assert run(block, **reader).splitlines() == names
    rotated = json.loads(run(4, **admin, KEY_ID=created["id"]))
    revoked = json.loads(run(5, **admin, KEY_ID=created["id"]))
    assert (rotated["grace_until"] is not None, revoked["status"]) == (True, "revoked")


class Busy(BaseHTTPRequestHandler):
    """Has no time on the first request, and says for how long."""

    moments: list[float]

    def do_GET(self) -> None:
        self.moments.append(time.monotonic())
        first = len(self.moments) == 1
        self.send_response(429 if first else 200)
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(b'{"data": [{"name": "MX.OAX1"}]}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[HTTPServer]:
    Busy.moments = []
    server = HTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("block", [2, 3])
def test_a_client_that_is_told_to_wait_waits_and_comes_back(busy: HTTPServer, block: int) -> None:
    url = f"http://127.0.0.1:{busy.server_port}"
    assert run(block, GRILLO_URL=url, GRILLO_API_KEY="grl_").strip() == "MX.OAX1"
    first, second = Busy.moments
    assert second - first >= 1, "it came back before it was asked to"
