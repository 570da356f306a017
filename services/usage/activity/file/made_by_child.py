"""Long files of activity: each is made by a child process, so that no thread that answers others is kept busy by one.

How many are made at once is for who serves them to say (services/usage/http/wide_questions.py).
"""

from collections.abc import Iterator

import msgspec

from services.usage.activity.file.messages import LENGTH_BYTES, Job
from shared.runtime.child_process import start_child

ROWS_MAX = 10_000
"""Of a file that is made at once, by the thread that was asked for it."""


class FileBroken(Exception):
    """The child ended before its file did. What was sent of it is not whole."""


def made_by_child(job: Job) -> Iterator[bytes]:
    """The file in pieces. Raises FileBroken. Its child starts with the first piece, and ends when it is closed."""
    process, ours = start_child("services.usage.activity.file.child")
    try:
        with ours, ours.makefile("rb") as file:
            ours.sendall(msgspec.json.encode(job) + b"\n")
            while (length := file.read(LENGTH_BYTES)) != bytes(LENGTH_BYTES):
                part = file.read(int.from_bytes(length, "big"))
                if len(length) < LENGTH_BYTES or not part:
                    raise FileBroken
                yield part
    finally:
        process.kill()
        process.wait()
