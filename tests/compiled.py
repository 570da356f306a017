"""The modules that setup.py compiles, by name."""

import re
from pathlib import Path

_SETUP = Path(__file__).parents[1] / "setup.py"
COMPILED = tuple(path.replace("/", ".") for path in re.findall(r'"(shared/[a-z_/]+)\.py"', _SETUP.read_text()))
