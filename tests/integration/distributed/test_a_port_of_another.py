"""A web process never shares its port: the other, an older release or another's, would answer half of its requests."""

import os
import socket
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("door", "setting"), [("public", "WEB"), ("internal", "INTERNAL")])
@pytest.mark.parametrize(
    ("there", "here"), [("127.0.0.1", "127.0.0.1"), ("", "127.0.0.1"), ("::1", "::1"), ("", "::"), ("127.0.0.1", "::")]
)
def test_it_ends_and_says_which(door: str, setting: str, there: str, here: str) -> None:
    family = socket.AF_INET6 if ":" in there else socket.AF_INET
    with socket.create_server((there, 0), family=family, reuse_port=True) as listens:
        port = str(listens.getsockname()[1])
        own = {f"{setting}_ADDRESS": here, f"{setting}_PORT": port}
        servers = {"DATABASE_URL": "sqlite://", "AMQP_URI": "amqp://nowhere", "INTERNAL_TOKEN": "token"}
        command = [sys.executable, "-m", "services.distributed.web", "keys", door]
        ended = subprocess.run(command, env=os.environ | servers | own, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"port {port}: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
