"""`grillo --version`: one line, from the package's metadata, without waiting for any library."""

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.e2e.running import GRILLO

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
LINE = f"{PROJECT['name']} {PROJECT['version']}\n"
HEAVY = ("typer", "rich", "httpx", "sqlalchemy", "nameko", "eventlet", "obspy", "numpy")


def test_the_version_is_the_package_s() -> None:
    done = subprocess.run([*GRILLO, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (LINE, "")


def test_the_version_is_told_before_anything_heavy_is_imported() -> None:
    asks = f"import sys, services.cli; services.cli.main(); print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asks, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{LINE}[]\n"


def test_help_names_it_and_other_words_beside_it_change_nothing() -> None:
    helped = subprocess.run([*GRILLO, "--help"], capture_output=True, text=True, check=True).stdout
    beside = subprocess.run([*GRILLO, "--version", "keys", "list"], capture_output=True, text=True, check=True).stdout
    assert ("--version" in helped, beside) == (True, LINE)
