"""What a maker and its child process tell each other, a JSON line each, over a pair of sockets.

The job goes this way and not by arguments or environment, which other users of the machine may read: it names the
database with its password. Before each part the child asks, and goes on only if it may.
"""

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`path`: of the file to write. Times in nanoseconds since 1970."""

    database_url: str
    samples_folder: str
    path: str
    format: str
    sensor_ids: tuple[str, ...]
    channel: str | None
    start_ns: int
    end_ns: int
    bytes_max: int

    def __repr__(self) -> str:
        return f"Job({self.path!r})"


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """May this part be made? `part`: from 0; `parts`: how many there are. The last question is asked at the end."""

    sensor_id: str
    part: int
    parts: int


class Made(msgspec.Struct, frozen=True, tag="made"):
    bytes: int
    sha256: str


class NotMade(msgspec.Struct, frozen=True, tag="not-made"):
    """`fault`: one of Fault."""

    fault: str


class Reply(msgspec.Struct, frozen=True):
    go_on: bool


FromChild = Asked | Made | NotMade
"""Where a child says nothing more and has said neither Made nor NotMade, it was stopped or has crashed."""
