"""`grillo --version`: the installed distribution's name and version, from its metadata."""

import sys
from importlib.metadata import version

DISTRIBUTION = "grillo"


def print_version() -> None:
    sys.stdout.write(f"{DISTRIBUTION} {version(DISTRIBUTION)}\n")
