"""What the image of keys, auth and usage lacks, they do not ask for: ObsPy, and what it brings."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LESS = """
import importlib, importlib.abc, sys

class Lacks(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"obspy", "scipy", "matplotlib"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Lacks())
from services.distributed import composition, web, worker
from services.service_registry import SERVICES, documented_routes

documented_routes()
for name in ("keys", "auth", "usage"):
    SERVICES[name].service_classes()
    importlib.import_module(f"services.distributed.{name}")
"""


def test_keys_auth_and_usage_do_without_what_the_image_of_sensors_has_besides() -> None:
    done = subprocess.run([sys.executable, "-c", LESS], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
