"""A contender's process: started, waited for, put on the measured core, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from benchmarks.contenders import cores
from tests import local_http
from tests.servers import ServerMissing

_READY_SECONDS_MAX = 120
_STOP_SECONDS_MAX = 30


class Server:
    """`ready_seconds`: from its start to its first good answer."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int | None,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        ready_path: str = "/readyz",
        is_measured: bool = False,
    ) -> None:
        """`port` None: it has none, and is not waited for. Not measured, it runs beside the callers."""
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._log = (folder / f"{name}.log").open("wb")
        began = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env=dict(os.environ if environment is None else environment),
            stdout=self._log,
            stderr=self._log,
        )
        if is_measured:
            cores.onto_the_measured(self.process.pid)  # all that it starts will be there, too
        while port is not None and not self._answers(ready_path):
            if self.process.poll() is not None or time.monotonic() - began > _READY_SECONDS_MAX:
                self.close()
                raise ServerMissing(f"{name} does not answer: {self.written()[-3000:]}")
            time.sleep(0.02)
        self.ready_seconds = time.monotonic() - began

    def cpu_seconds(self) -> float:
        return cores.cpu_seconds(self.process.pid)

    def resident_bytes(self) -> int:
        return cores.resident_bytes(self.process.pid)

    def written(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            for pid in list(cores.family(self.process.pid)):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self._log.close()

    def _answers(self, path: str) -> bool:
        try:
            return local_http.get(f"{self.url}{path}", timeout=2).status_code < httpx.codes.INTERNAL_SERVER_ERROR
        except httpx.HTTPError:
            return False
