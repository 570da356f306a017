"""Archive: the folder of sealed files, which never change once they have their name.

A file is written and made durable under another name first, and never replaces one. Below each organisation's folder
the names are the SeisComP Data Structure's (SDS) with the hour and the generation behind them:
`YEAR/NET/STA/CHA.D/NET.STA.LOC.CHA.D.YEAR.DAY.HH-GENERATION`. Several machines share the folder as one volume.
"""

import contextlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.sensors.store.miniseed.codes import Codes
from shared.runtime.room import Room

Step = Callable[[str], None]
"""Called with the name of each step that was done, so that tests can end the process there."""

_INCOMING = "incoming"
_NAME = re.compile(
    r"(?P<network>[^.]*)\.(?P<station>[^.]+)\.(?P<location>[^.]*)\.(?P<channel>[^.]+)\.D"
    r"\.(?P<year>\d{4})\.(?P<day>\d{3})\.(?P<hour>\d{2})-(?P<generation>\d+)",
    re.ASCII,
)


def no_step(_name: str) -> None:
    """Goes on."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FileName:
    """`hour`: whole hours since 1970. A later generation of one hour holds all that the one before held."""

    organisation_id: str
    codes: Codes
    hour: int
    generation: int

    @property
    def relative(self) -> str:
        start = datetime.fromtimestamp(self.hour * 3600, UTC)
        codes, day = self.codes, start.timetuple().tm_yday
        name = f"{codes}.D.{start.year:04}.{day:03}.{start.hour:02}-{self.generation}"
        parts = (self.organisation_id, f"{start.year:04}", codes.network, codes.station, f"{codes.channel}.D", name)
        return "/".join(part for part in parts if part)

    @classmethod
    def parse(cls, relative: str) -> "FileName | None":
        """None: no name of ours."""
        organisation_id, _, rest = relative.partition("/")
        found = _NAME.fullmatch(rest.rpartition("/")[2])
        if found is None:
            return None
        start = datetime.strptime("{year} {day} {hour} +0000".format(**found.groupdict()), "%Y %j %H %z")
        codes = Codes(**{name: found[name] for name in ("network", "station", "location", "channel")})
        name = cls(
            organisation_id=organisation_id,
            codes=codes,
            hour=int(start.timestamp()) // 3600,
            generation=int(found["generation"]),
        )
        return name if name.relative == relative else None


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder, self._prefix, self._room = folder, f"{folder}/", Room(folder)

    def write(self, relative: str, content: bytes, step: Step = no_step) -> None:
        """Durable when it returns. Raises FileExistsError, or OSError with nothing left behind."""
        final = self.folder / relative
        incoming = self.folder / _INCOMING
        _make_durable(incoming)
        self._room.check(size=len(content))
        _make_durable(final.parent)
        temporary = incoming / uuid.uuid4().hex
        try:
            with open(temporary, "xb", opener=_owner_s) as file:
                file.write(content)
                file.flush()
                step("written")
                os.fsync(file.fileno())
            step("synced")
            os.link(temporary, final)  # a rename would replace what another sealer has just written
            step("named")
        finally:
            temporary.unlink(missing_ok=True)
        _sync(final.parent)

    def read(self, relative: str, offset: int, length: int) -> bytes:
        """Raises FileNotFoundError."""
        file = os.open(f"{self._prefix}{relative}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(file, length, offset)
        finally:
            os.close(file)

    def prefetch(self, relative: str, offset: int, length: int) -> None:
        """Has the disk begin what `read` would wait for, so that several files are waited for at once.

        Raises FileNotFoundError.
        """
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        file = os.open(f"{self._prefix}{relative}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(file, offset, length, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(file)

    def content(self, relative: str) -> bytes:
        """Raises FileNotFoundError."""
        return (self.folder / relative).read_bytes()

    def is_there(self) -> bool:
        """Where a volume is away its folder is empty, or cannot be read: then a missing file says nothing."""
        try:
            with os.scandir(self.folder) as names:
                return next(names, None) is not None
        except OSError:
            return False

    def has(self, relative: str) -> bool:
        return (self.folder / relative).is_file()

    def delete(self, relative: str) -> None:
        """Also if it is gone. Folders that are empty then go, too."""
        path = self.folder / relative
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.folder:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def names(self) -> Iterator[tuple[str, float]]:
        """Each file and when it was written (seconds since 1970), by path; those still being written, too."""
        for folder, folders, files in os.walk(self.folder):
            folders.sort()
            for file in sorted(files):
                path = Path(folder, file)
                with contextlib.suppress(FileNotFoundError):
                    yield path.relative_to(self.folder).as_posix(), path.stat().st_mtime
            time.sleep(0)  # embedded, all services share this thread


def _owner_s(path: str, flags: int) -> int:
    """Other users of the machine read no sample; who shares them gives the folder a group, or serves them."""
    return os.open(path, flags, 0o600)


def _make_durable(folder: Path) -> None:
    """Makes the folder and those above it that are missing, each durable in the one above."""
    if folder.is_dir():
        return
    _make_durable(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
