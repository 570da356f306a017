"""Maker of exports: starts a child process for each that may be made now, and answers what it asks before each part.

It never waits in the thread that calls it: each child is listened to in a thread of its own, which mostly sleeps.
"""

import contextlib
import secrets
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import assert_never

import msgspec
import structlog

from services.sensors.exports.export import Export, Fault
from services.sensors.exports.export_files import ExportFiles
from services.sensors.exports.export_store import ExportStore
from services.sensors.exports.making.messages import Asked, FromChild, Job, Made, NotMade, Reply
from services.sensors.exports.making.standing import AskStanding, Undecided
from services.sensors.registry.visible import Visible
from shared.runtime.child_process import start_child
from shared.sql.database import Database

BYTES_MAX = 10 * 1024**3
_LATER = timedelta(seconds=10)
_AT_ONCE = timedelta(0)
_STOP_SECONDS_MAX = 2.0
_read = msgspec.json.Decoder(FromChild).decode
_log = structlog.get_logger(__name__)
IsVisible = Callable[[Visible, str], bool]
"""Whether a caller who may see so much sees that sensor."""


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    thread: threading.Thread | None = None


class ExportMaker:
    """`samples_folder`: of sealed samples. `standing`: of keys. `is_visible`: asked of each part's sensor."""

    def __init__(
        self,
        database: Database,
        store: ExportStore,
        files: ExportFiles,
        samples_folder: Path,
        *,
        standing: AskStanding,
        is_visible: IsVisible,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self._database, self._store, self._files = database, store, files
        self._samples_folder, self._standing, self._is_visible = samples_folder, standing, is_visible
        self._bytes_max = bytes_max
        self._running: dict[str, _Running] = {}
        self._is_stopping = False

    def run(self) -> None:
        """Renews what is being made here, and starts what may be started. To be called every few seconds."""
        if self._running:
            self._store.renew(list(self._running))
        while not self._is_stopping and (export := self._store.claim(claim := secrets.token_hex(16))):
            self._start(export, claim)

    def sweep(self) -> None:
        """What is over is told so, and its files go."""
        self._store.expire()
        self._files.sweep(self._store.files_in_use)

    def stop(self) -> None:
        """Ends the child processes. What they were making is begun anew by the next maker."""
        self._is_stopping = True
        running = list(self._running.values())
        for one in running:
            one.process.kill()
        for one in running:
            if one.thread is not None:
                one.thread.join(_STOP_SECONDS_MAX)

    def wait(self) -> None:
        """Until nothing is being made here."""
        for one in list(self._running.values()):
            if one.thread is not None:
                one.thread.join()

    def _start(self, export: Export, claim: str) -> None:
        process, ours = start_child("services.sensors.exports.making.child")
        self._running[claim] = running = _Running(process)
        path = self._files.incoming(export.id, claim)
        running.thread = threading.Thread(target=self._make, args=(export, claim, ours, process, path), daemon=True)
        running.thread.start()

    def _make(
        self, export: Export, claim: str, ours: socket.socket, process: "subprocess.Popen[bytes]", path: Path
    ) -> None:
        fault, wait = None, _AT_ONCE
        try:
            with ours:
                fault = self._converse(export, claim, ours, path)
        except Undecided:
            wait = _LATER
        except Exception as error:
            _log.exception("export_not_made", export=export.id, error=type(error).__name__)
        finally:
            # Nothing is asked of it any more; one that has ended is not touched by that.
            process.kill()
            process.wait()
            # Before anything is written: it may be this file that fills the disk.
            path.unlink(missing_ok=True)
            with contextlib.suppress(Exception):
                if fault is not None:
                    _log.info("export_failed", export=export.id, fault=fault)
                    self._store.fail(claim, fault)
                else:
                    is_attempt = wait is _AT_ONCE and not self._is_stopping
                    self._store.give_back(claim, wait, is_attempt=is_attempt)
            self._running.pop(claim, None)

    def _converse(self, export: Export, claim: str, ours: socket.socket, path: Path) -> str | None:
        """Until it is made, refused (by which fault), or the child says nothing more. Raises Undecided."""
        with ours.makefile("rwb") as lines:
            lines.write(msgspec.json.encode(self._job(export, path)) + b"\n")
            lines.flush()
            percent = 0
            for line in lines:
                message: FromChild = _read(line)
                match message:
                    case Asked():
                        fault = self._fault(export, message.sensor_id)
                        lines.write(msgspec.json.encode(Reply(fault is None)) + b"\n")
                        lines.flush()
                        if fault is not None:
                            return fault
                        reached = 100 * message.part // message.parts if message.parts else 0
                        if reached > percent:
                            percent = reached
                            self._store.note_percent(claim, percent)
                    case NotMade():
                        return message.fault
                    case Made():
                        self._files.keep(path, export.file_name)
                        if not self._store.finish(claim, message.bytes, message.sha256):
                            self._files.delete(export.file_name)
                        return None
                    case _:
                        assert_never(message)
        return None

    def _fault(self, export: Export, sensor_id: str) -> str | None:
        """Why the export must not go on. Raises Undecided."""
        request = export.request
        standing = self._standing(request.organisation_id, request.key_id)
        if standing.refusal is not None:
            return standing.refusal
        visible = Visible(organisation_id=request.organisation_id, networks=standing.networks, open_only=True)
        return None if self._is_visible(visible, sensor_id) else Fault.SENSOR_GONE

    def _job(self, export: Export, path: Path) -> Job:
        request = export.request
        return Job(
            database_url=self._database.engine.url.render_as_string(hide_password=False),
            samples_folder=str(self._samples_folder.absolute()),
            path=str(path.absolute()),
            format=request.format,
            sensor_ids=request.sensor_ids,
            channel=request.channel,
            start_ns=request.start_ns,
            end_ns=request.end_ns,
            bytes_max=self._bytes_max,
        )
