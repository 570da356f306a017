"""Whole check in the background: `grillo audit verify` as a process of its own, where a start's check left a part out.

That is so of large folders, and at the first start of a release: what an earlier one wrote is migrated first. Reading a
large log is numeric work, which the one thread that serves requests has no time for.
"""

import json
import subprocess
import sys
import tempfile
from typing import IO

import structlog

from services.embedded.data_folder import DataFolder
from services.embedded.soundness.folder_check import BYTES_AT_START, ROWS_AT_START
from services.service_registry import SERVICES
from services.soundness.fault import Report

_NICE = 19
_log = structlog.get_logger(__name__)


class WholeCheck:
    """`is_sound`: until it has found something. `poll` looks, without waiting, whether it is done."""

    def __init__(self, folder: DataFolder) -> None:
        self.is_sound = True
        self._folder = folder
        self._told: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start_unless_done(self, report: Report) -> None:
        """`report`: of the check at the start."""
        files = [self._folder.file(name) for name in SERVICES if self._folder.has_database(name)]
        is_done = not report.left_out and all(file.stat().st_size <= BYTES_AT_START for file in files)
        if is_done and all(found.head.position <= ROWS_AT_START for found in report.audits.values()):
            return
        command = [sys.executable, "-m", "services.cli", "audit", "verify", "--json", "--data", str(self._folder.path)]
        nice = ["nice", "-n", str(_NICE)]
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop
        self._process = subprocess.Popen([*nice, *command], stdout=self._told, stderr=subprocess.DEVNULL)  # noqa: S603

    def poll(self) -> None:
        if self._process is None or self._told is None or (status := self._process.poll()) is None:
            return
        self._process = None
        if status == 0:
            _log.info("data_folder_sound")
            return
        self.is_sound = False
        self._told.seek(0)
        _log.error("data_folder_unsound", findings=_findings(self._told.read(), status))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._told is not None:
            self._told.close()


def _findings(told: bytes, status: int) -> list[str]:
    try:
        found = json.loads(told)
    except ValueError:
        return [f"`grillo audit verify` ended with status {status}"]
    return [f"{name}: {finding['problem']}" for name, of in found.items() for finding in of.get("findings", ())][:10]
