"""Child process that makes one file of activity: `python -m services.usage.activity.file.child DESCRIPTOR`.

It reads the database, and ends where nobody takes what it writes.
"""

import os
import socket
import sys
from collections.abc import Iterable

import msgspec

from services.usage.activity.csv_export import as_csv
from services.usage.activity.file.messages import Job, framed
from services.usage.activity.timeline import everything_of
from shared.sql.database import Database

_NICE = 10


def main(descriptor: int) -> None:
    os.nice(_NICE)
    web = socket.socket(fileno=descriptor)
    web.setblocking(True)
    with web, web.makefile("rb") as lines:
        job = msgspec.json.decode(lines.readline(), type=Job)
        database = Database(job.database_url)
        try:
            _send(web, as_csv(everything_of(database, job.key_id, job.wanted, job.life)))
        except BrokenPipeError:
            return
        finally:
            database.close()


def _send(web: socket.socket, parts: Iterable[bytes]) -> None:
    for part in parts:
        if part:
            web.sendall(framed(part))
    web.sendall(framed(b""))


if __name__ == "__main__":
    main(int(sys.argv[1]))
