"""Data folder of `grillo up`: a SQLite file a service, the meter's spool, sealed samples, generated secrets, a lock.

One server at a time holds it. Commands that only read, or that write through SQLite's own locks, need not.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from shared.replication.proof.signatures import Signer, new_private_key
from shared.runtime.room import START_FILES, Room
from shared.sql.database import Database


def _random_hex() -> str:
    return secrets.token_hex(32)


class DataFolderUnusable(Exception):
    """The text says what is wrong with which folder, and what to do."""


class DataFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    def file(self, service: str) -> Path:
        return self.path / f"{service}.sqlite"

    def database(self, service: str) -> Database:
        return Database.sqlite(self.file(service), Room(self.path))

    def existing_database(self, service: str, *, to_read: bool = False) -> Database:
        """Raises DataFolderUnusable when there is none: a tool must not leave an empty file behind.

        `to_read`: not a byte of the files changes.
        """
        if not self.has_database(service):
            raise DataFolderUnusable(
                f"{self.path} holds no data of grillo's {service} service. "
                "Start `grillo up` on it once, or name another folder with --data."
            )
        return Database.sqlite_to_read(self.file(service)) if to_read else self.database(service)

    def has_database(self, service: str) -> bool:
        """Raises DataFolderUnusable."""
        file = self.file(service)
        try:
            return file.is_file() and file.stat().st_size > 0
        except OSError as error:
            raise DataFolderUnusable(f"{self.path} cannot be read: {error.strerror}.") from None

    def is_held_by_another(self) -> bool:
        """Whether another process's server runs on it, so that its files change at any moment."""
        if self._lock is not None:
            return False
        try:
            with (self.path / "grillo.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def hold(self) -> None:
        """Makes the folder if need be, and keeps it to this process until `release`. Raises DataFolderUnusable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path / "grillo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderUnusable(
                f"{self.path} cannot be used as the data folder: {error.strerror}. "
                "Mend its permissions, or name another folder with --data."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(lock, 20).decode() or "unknown"
            os.close(lock)
            raise DataFolderUnusable(
                f"{self.path} is in use by another `grillo up`, process {holder}. "
                "Stop that one first, or name another folder with --data."
            ) from None
        self._lock = lock
        for file in self.path.glob("*.sqlite*"):
            file.chmod(0o600)  # one of an earlier version, or copied here
        try:
            room = Room(self.path)  # SQLite would tell of a disk without room as of a broken one
            room.check(urgent=True)
            room.check_files(START_FILES)
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        except OSError as error:
            self.release()
            raise DataFolderUnusable(
                f"{self.path} cannot be written: {error.strerror}. Make room on its disk."
            ) from None

    def internal_token(self) -> str:
        """What the internal door asks for: random, kept here, for this folder's owner alone."""
        return self._secret("internal-token")

    def channel_secrets_key(self) -> str:
        """What webhooks' secrets in usage's database are sealed under: beside it, and not in it."""
        return self._secret("channel-secrets-key")

    def keys_signer(self) -> Signer:
        """Signs what keys tells its followers in this process."""
        return Signer(self._secret("keys-signing-key", new_private_key))

    def sensors_signer(self) -> Signer:
        """Signs where the log of sensors ends."""
        return Signer(self._secret("sensors-signing-key", new_private_key))

    def _secret(self, name: str, make: Callable[[], str] = _random_hex) -> str:
        file = self.path / name
        with contextlib.suppress(FileExistsError):
            written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.write(written, make().encode())
            os.close(written)
        return file.read_text().strip()

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
