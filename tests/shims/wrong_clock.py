"""A wall clock that a test sets: of the processes that are started with its environment."""

import mmap
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class WrongClock:
    def __init__(self, folder: Path) -> None:
        """Builds the shim there."""
        self.folder = folder
        folder.chmod(0o755)  # of containers, too, whose user is another
        library, told = folder / "clock.so", folder / "wrong_by"
        subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
        told.write_bytes(bytes(8))
        with told.open("r+b") as file:
            self._wrong_by = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "WRONG_BY": str(told)}

    def set(self, wrong_by: int) -> None:
        """Seconds, from now on."""
        self._wrong_by[:] = wrong_by.to_bytes(8, "little", signed=True)
