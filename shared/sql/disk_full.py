"""The fault of a write for which the disk has no room any more (shared/runtime/room.py)."""

from sqlalchemy.exc import OperationalError


class DiskFull(OperationalError):
    """Nothing more is written here: what is left of the disk is kept for what ends keys."""

    def __init__(self, error: OSError) -> None:
        super().__init__(None, None, error)
