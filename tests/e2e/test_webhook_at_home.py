"""docs/webhook-at-home.md says what is true: its blocks, as they stand, with each of the receivers in examples."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests import local_http
from tests.e2e.running import RECEIVERS_ON_LOOPBACK, SECRET, Embedded, eventually
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/webhook-at-home.md").read_text()
START, CHANNEL, RECEIVE, CHANGE, FORGE, TIDY = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
RECEIVERS = {"webhook_receiver.py": RECEIVE, "webhook_receiver.mjs": "node examples/webhook_receiver.mjs"}
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
pytestmark = pytest.mark.xdist_group("embedded")


class Terminal:
    """Runs the page's blocks, with the commands and ports that are here; the admin key is given at the prompt."""

    def __init__(self, folder: Path, system: Embedded, port: int) -> None:
        self._folder, self._system, self._port = folder, system, port
        (folder / "examples").symlink_to(ROOT / "examples")
        commands = folder / ".venv/bin"
        commands.mkdir(parents=True)
        (commands / "grillo").write_text(f'#!/bin/sh\nexec {sys.executable} -m services.cli "$@"\n')
        (commands / "grillo").chmod(0o755)

    def script(self, *blocks: str) -> list[str]:
        typed = "\n".join(blocks).replace("127.0.0.1:9000", f"127.0.0.1:{self._port}")
        typed = re.sub(r"(receiver\.m?[a-z]+)", rf"\1 {self._port}", typed)
        return ["/bin/bash", "-euo", "pipefail", "-c", typed]

    def environment(self) -> dict[str, str]:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("GRILLO_")}
        return settings | {"GRILLO_URL": self._system.url, "PYTHONPATH": str(ROOT)}

    def run(self, *blocks: str) -> str:
        done = subprocess.run(
            self.script(*blocks),
            input=f"{self._system.admin_key}\n",
            env=self.environment(),
            cwd=self._folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def receiving(self, *blocks: str) -> Iterator[Path]:
        """The blocks run on, until they are told to end; the file has what they print."""
        printed = self._folder / "printed"
        with printed.open("wb") as output:
            typed = self.script(*blocks[:-1], f"exec {blocks[-1]}")
            receiver = subprocess.Popen(
                typed, stdin=subprocess.PIPE, stdout=output, stderr=output, env=self.environment(), cwd=self._folder
            )
            assert receiver.stdin is not None
            receiver.stdin.write(f"{self._system.admin_key}\n".encode())
            receiver.stdin.close()
            try:
                eventually(printed.read_text, lambda text: "Listening" in text or receiver.poll() is not None)
                yield printed
            finally:
                receiver.terminate()
                receiver.wait(20)


@pytest.mark.parametrize("program", RECEIVERS)
def test_messages_come_verified_and_a_forged_one_is_refused(embedded: Embedded, tmp_path: Path, program: str) -> None:
    if program.endswith(".mjs") and shutil.which("node") is None:
        pytest.skip("node is not here")
    # What the system here was started with is what the page says.
    assert dict(re.findall(r"(\w+)=(\S+)", START)) == RECEIVERS_ON_LOOPBACK
    terminal = Terminal(tmp_path, embedded, free_port())
    with terminal.receiving(CHANNEL, RECEIVERS[program]) as printed:
        terminal.run(CHANGE)
        told = eventually(printed.read_text, lambda text: "KeyRevoked" in text)
        assert re.findall(r"^verified: (\w+) ", told, re.MULTILINE) == ["KeyCreated", "KeyRevoked"]
        assert terminal.run(FORGE) == "400\n"
        assert "refused: no signature is right" in printed.read_text()
        terminal.run(CHANNEL.split("export WEBHOOK_SECRET")[0], TIDY)
    assert SECRET.search(told.encode()) is None
    assert "whsec_" not in told


@pytest.mark.parametrize("program", RECEIVERS)
def test_a_receiver_takes_what_is_signed_and_recent_once_and_nothing_else(
    embedded: Embedded, tmp_path: Path, program: str
) -> None:
    if program.endswith(".mjs") and shutil.which("node") is None:
        pytest.skip("node is not here")
    port, body = free_port(), b'{"type": "ChannelTested", "data": {"a": 1}}'
    terminal = Terminal(tmp_path, embedded, port)

    def status(content: bytes, off_seconds: int = 0, by: str = KEY, **changed: str) -> int:
        at = int(time.time()) + off_seconds
        signature = _signed(by, at, body)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature} | {
            name.replace("_", "-"): value for name, value in changed.items()
        }
        return local_http.post(f"http://127.0.0.1:{port}/", content=content, headers=headers).status_code

    with terminal.receiving(f"export WEBHOOK_SECRET={KEY}", RECEIVERS[program]) as printed:
        assert [status(body), status(body)] == [204, 204]
        assert [line[:17] for line in printed.read_text().splitlines()[1:]] == [
            "verified: Channel",
            "verified (again):",
        ]
        other = KEY.replace("MDEy", "MTEy")
        now = _signed(KEY, int(time.time()), body)
        assert status(body, webhook_signature=f"v1,AAAA v1a,xyz {now}", webhook_timestamp=str(int(time.time()))) == 204
        refused = [
            status(body + b" "),
            status(body, by=other),
            status(body, off_seconds=-400),
            status(body, off_seconds=400),
            status(body, webhook_id="msg_2"),
            status(body, webhook_timestamp="soon"),
            status(body, webhook_signature=""),
        ]
        assert refused == [400] * len(refused)
        assert status(b"x" * 1_000_001) == 413


def _signed(secret: str, at: int, body: bytes) -> str:
    return Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
