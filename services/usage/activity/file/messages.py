"""What a web process and its child tell each other over a pair of sockets.

The job goes one way, a JSON line: not by arguments or environment, which other users of the machine may read, for it
names the database with its password. The file comes the other way in frames: four bytes of length, then so many bytes.
An empty frame is its end; without one, the child was stopped or has crashed, and the file is not whole.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.usage.activity.timeline import ActivityFilter
from shared.sql.database import Database

LENGTH_BYTES = 4


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`life`: the key's lifecycle events, as `keys.history` answers them."""

    database_url: str
    key_id: str
    wanted: ActivityFilter
    life: tuple[dict[str, Any], ...]

    def __repr__(self) -> str:
        return f"Job({self.key_id!r})"


def framed(part: bytes) -> bytes:
    return len(part).to_bytes(LENGTH_BYTES, "big") + part


def job_of(database: Database, key_id: str, wanted: ActivityFilter, life: Iterable[Mapping[str, Any]]) -> Job:
    url = database.engine.url.render_as_string(hide_password=False)
    return Job(database_url=url, key_id=key_id, wanted=wanted, life=tuple(map(dict, life)))
