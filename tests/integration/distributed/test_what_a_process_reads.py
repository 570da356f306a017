"""A process of one service reads its own code: all four take a second of processor time more, and thirty megabytes."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.service_registry import SERVICES

ROOT = Path(__file__).parents[3]
CODE = """
import importlib, sys
from services.distributed import composition, web
importlib.import_module(f"services.distributed.{sys.argv[1]}")
print(*(name for name in sys.modules if name.endswith(".assembly")))
"""


@pytest.mark.parametrize("service", SERVICES)
def test_it_reads_no_other_service_s_assembly(service: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, service], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [f"services.{service}.assembly"], done.stderr
