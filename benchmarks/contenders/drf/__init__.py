"""djangorestframework-api-key with DRF's own throttling, on gunicorn's sync worker and PostgreSQL: Python's usual way.

Told as it would be by who knows it: nothing installed that is not needed, and database connections kept.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders.answer import PATH
from benchmarks.contenders.server import Server
from tests.servers import Postgres, free_port

_SETTINGS = "benchmarks.contenders.drf.settings"


def drf(folder: Path, postgres: Postgres, keys: int) -> tuple[Server, Path]:
    """And a file of the Authorization headers of its keys, one a line."""
    port, headers = free_port(), folder / "drf-headers"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": _SETTINGS, "DATABASE_URL": postgres.new_database()}
    command = [sys.executable, "-m", "benchmarks.contenders.drf.keys", str(headers), str(keys)]
    subprocess.run(command, env=environment, check=True)
    serving = ["--workers", "1", "--worker-class", "sync", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    command = [sys.executable, "-m", "gunicorn", *serving, "benchmarks.contenders.drf.site:application"]
    return Server("DRF", command, port, folder, environment=environment, ready_path=PATH, is_measured=True), headers
