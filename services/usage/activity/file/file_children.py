"""Long files of activity: each is made by a child process, so that no thread that answers others is kept busy by one.

Two at once in a web process, one an organisation: who reads a file slowly holds a thread here, and others need some.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec

from services.usage.activity.file.messages import LENGTH_BYTES, Job
from services.usage.activity.timeline import ActivityFilter, ActivityTimeline
from shared.sql.database import Database

ROWS_MAX = 10_000
"""Of a file that is made at once, by the thread that was asked for it."""
AT_ONCE_MAX = 2


class FilesBusy(Exception):
    """As many files are being made as may be, or one of this organisation is."""


class FileBroken(Exception):
    """The child ended before its file did. What was sent of it is not whole."""


class FileChildren:
    def __init__(self, database: Database, activity: ActivityTimeline) -> None:
        self._database, self._activity = database, activity
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def file(self, organisation_id: str, key_id: str, wanted: ActivityFilter) -> "ChildFile":
        """To be closed by who serves it. Raises FilesBusy, and as ActivityTimeline.page."""
        life = self._activity.life(organisation_id, key_id, wanted)
        url = self._database.engine.url.render_as_string(hide_password=False)
        job = Job(database_url=url, key_id=key_id, wanted=wanted, life=tuple(map(dict, life)))
        with self._lock:
            if len(self._busy) >= AT_ONCE_MAX or organisation_id in self._busy:
                raise FilesBusy
            self._busy.add(organisation_id)
        return ChildFile(job, lambda: self._busy.discard(organisation_id))


class ChildFile:
    """The file in pieces. `ended`: called once it is closed, however far it was read."""

    def __init__(self, job: Job, ended: Callable[[], None]) -> None:
        self._job, self._ended = job, ended
        self._process: subprocess.Popen[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        ours, its = socket.socketpair()
        command = [sys.executable, "-m", "services.usage.activity.file.child", str(its.fileno())]
        with its:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                command, pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        with ours, ours.makefile("rb") as file:
            ours.sendall(msgspec.json.encode(self._job) + b"\n")
            while (length := file.read(LENGTH_BYTES)) != bytes(LENGTH_BYTES):
                part = file.read(int.from_bytes(length, "big"))
                if len(length) < LENGTH_BYTES or not part:
                    raise FileBroken
                yield part

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        ended, self._ended = self._ended, _nothing
        ended()


def _nothing() -> None:
    """A file that is closed twice gives no other's place away."""
