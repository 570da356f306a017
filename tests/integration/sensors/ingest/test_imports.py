"""What importing the readers brings into a process."""

import sys
from pathlib import Path
from subprocess import run


def test_importing_the_reader_does_not_import_obspy() -> None:
    check = "import sys, services.sensors.ingest; sys.exit('obspy' in sys.modules or 'scipy' in sys.modules)"
    repository = Path(__file__).parents[4]
    assert run([sys.executable, "-c", check], cwd=repository, check=False).returncode == 0
