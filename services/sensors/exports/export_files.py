"""Files of exports, in a folder of their own: written under another name first, deleted when their time is over."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS

_INCOMING = "incoming"
_UNWRITTEN_SECONDS = 3600 + TOLERANCE_SECONDS
_CHUNK_BYTES = 64 * 1024


class ExportFiles:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def incoming(self, export_id: str, claim: str) -> Path:
        """Where one attempt writes. Its folder is made."""
        folder = self._folder / _INCOMING
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{export_id}-{claim}"

    def keep(self, incoming: Path, name: str) -> None:
        """Gives a finished file its name."""
        os.replace(incoming, self._folder / name)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def open(self, name: str) -> BinaryIO:
        """It can be read to its end, also if it is deleted meanwhile. Raises FileNotFoundError."""
        return (self._folder / name).open("rb")

    def sweep(self, in_use: Callable[[], set[str]]) -> None:
        """Deletes what is of no export in use. `in_use`: their ids, asked for after the files were listed."""
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        kept = in_use() if files else set()
        for path in files:
            export_id = re.split("[-.]", path.name, maxsplit=1)[0]
            if export_id not in kept or (path.parent != self._folder and self._is_old(path)):
                path.unlink(missing_ok=True)

    def _is_old(self, path: Path) -> bool:
        """Nobody writes to it any more. By a clock that is set ahead a file would be old that is being written."""
        try:
            return self._clock.trusted_now().timestamp() - path.stat().st_mtime > _UNWRITTEN_SECONDS
        except FileNotFoundError:
            return False


def chunks(file: BinaryIO, first: int, stop: int) -> Iterator[bytes]:
    """Its bytes first … stop - 1. Closes it."""
    with file:
        file.seek(first)
        left = stop - first
        while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
