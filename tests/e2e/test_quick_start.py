"""docs/quick-start.md says what is true: its blocks are one session as they stand, and wait when told to."""

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
SESSION = [text for language, text in BLOCKS if language == "bash"]
# By the name under which the page says to save it.
PROGRAMS = {"latest.py": dict(BLOCKS)["python"], "latest.mjs": dict(BLOCKS)["javascript"]}
BETWEEN = "=== next block ==="
pytestmark = pytest.mark.xdist_group("embedded")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_session_makes_a_key_draws_data_in_two_languages_rotates_and_revokes(
    embedded: Embedded, folder: Path
) -> None:
    script = f"\necho; echo '{BETWEEN}'\n".join(
        block if "node " not in block or shutil.which("node") else "python3 latest.py" for block in SESSION
    )
    # Nothing is set but where the server is, which has a port of its own here.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GRILLO_")}
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        input=f"{embedded.admin_key}\n",
        env=settings | {"GRILLO_URL": embedded.url},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, listed, python, javascript, rotated, revoked = done.stdout.split(f"\n{BETWEEN}\n")
    assert len(json.loads(listed)["data"]) == 2
    assert re.search("[▁▂▃▄▅▆▇█]{20}", python)
    assert javascript == python
    assert json.loads(rotated)["grace_until"] is not None
    assert json.loads(revoked)["status"] == "revoked"


class Busy(BaseHTTPRequestHandler):
    """Has no time on the first request, and says for how long."""

    moments: list[float]

    def do_GET(self) -> None:
        self.moments.append(time.monotonic())
        first = len(self.moments) == 1
        self.send_response(429 if first else 200)
        self.send_header("Retry-After", "1")
        self.end_headers()
        segments = [{"channel": "HNZ", "start_time": "2020-06-23T15:29:00Z", "samples": [0, 7]}]
        sensor = {"id": "sen_1", "name": "MX.OAX1", "last_sample_at": "2020-06-23T15:30:00Z"}
        body = {"data": {"unit": "counts", "segments": segments} if "/data" in self.path else [sensor]}
        self.wfile.write(json.dumps(body).encode())

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


@pytest.mark.parametrize(("program", "command"), [("latest.py", sys.executable), ("latest.mjs", "node")])
def test_a_client_that_is_told_to_wait_waits_and_comes_back(
    busy: HTTPServer, folder: Path, program: str, command: str
) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not here")
    settings = os.environ | {"GRILLO_URL": f"http://127.0.0.1:{busy.server_port}", "GRILLO_API_KEY": "grl_"}
    done = subprocess.run([command, program], cwd=folder, env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["MX.OAX1, in counts", "HNZ 2020-06-23T15:29:00Z ▁█"]
    first, second, _ = Busy.moments
    assert second - first >= 1, "it came back before it was asked to"
