"""keyshield with FastAPI on uvicorn and PostgreSQL: what a FastAPI team takes. It has no limits, and meters nothing.

Told as it would be by who knows it: verified keys are cached, and answers are not held back (by default each is, for
100 to 300 ms). Its keys are few: making one, and its first use, take tens of milliseconds each (Argon2). Each is used
once before it is measured.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders.answer import PATH
from benchmarks.contenders.server import Server
from tests import local_http
from tests.servers import Postgres, free_port

KEYS = 50


def keyshield(folder: Path, postgres: Postgres) -> tuple[Server, Path]:
    """And a file of the Authorization headers of its keys, one a line."""
    port, headers = free_port(), folder / "keyshield-headers"
    url = postgres.new_database().replace("postgresql://", "postgresql+psycopg://")
    environment = os.environ | {"DATABASE_URL": url, "SECRET_PEPPER": secrets.token_hex(16)}
    command = [sys.executable, "-m", "benchmarks.contenders.keyshielded.keys", str(headers), str(KEYS)]
    subprocess.run(command, env=environment, check=True)
    serving = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", *serving, "benchmarks.contenders.keyshielded.site:app"]
    server = Server("keyshield", command, port, folder, environment=environment, ready_path=PATH, is_measured=True)
    for header in headers.read_text().splitlines():
        local_http.get(f"{server.url}{PATH}", headers={"Authorization": header}, timeout=10).raise_for_status()
    return server, headers
