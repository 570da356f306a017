"""Child process that makes one export: `python -m services.sensors.exports.making.child DESCRIPTOR`.

It asks its maker before each part, and ends where that says no or is gone. It reads the database and writes one file.
"""

import errno
import hashlib
import io
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import select

from services.sensors import tables
from services.sensors.exports.export import ExportFormat, Fault
from services.sensors.exports.making.messages import Asked, FromChild, Job, Made, NotMade, Reply
from services.sensors.exports.making.writers import writer
from services.sensors.recordings.asked_channel import named_by
from services.sensors.samples import Samples, open_samples
from services.sensors.store.even_times import HOUR_NS
from services.sensors.store.miniseed.codes import SensorUnknown
from services.sensors.store.span import SpanDamaged
from shared.runtime.clock import SystemClock
from shared.runtime.room import OrdinaryFile, Room
from shared.sql.database import Database

_NICE = 10
_CHUNK_BYTES = 1024 * 1024
MayGoOn = Callable[[Asked], bool]


class TooLarge(Exception):
    """The file would be larger than an export may be."""


class Stopped(Exception):
    """The maker says that no more is to be made, or it is gone."""


def main(descriptor: int) -> None:
    os.nice(_NICE)
    maker = socket.socket(fileno=descriptor)
    maker.setblocking(True)
    with maker, maker.makefile("rwb") as lines:

        def tell(message: FromChild) -> None:
            lines.write(msgspec.json.encode(message) + b"\n")
            lines.flush()

        def may_go_on(asked: Asked) -> bool:
            tell(asked)
            reply = lines.readline()
            return bool(reply) and msgspec.json.decode(reply, type=Reply).go_on

        job = msgspec.json.decode(lines.readline(), type=Job)
        database = Database(job.database_url)
        try:
            samples = open_samples(database, Path(job.samples_folder), SystemClock())
            tell(make(job, database, samples, may_go_on, Room(Path(job.path).parent)))
        except Stopped:
            return
        except SensorUnknown:
            tell(NotMade(Fault.SENSOR_GONE))
        except TooLarge:
            tell(NotMade(Fault.TOO_LARGE))
        except SpanDamaged:
            tell(NotMade(Fault.DAMAGED))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            tell(NotMade(Fault.NO_SPACE))
        finally:
            database.close()


def make(job: Job, database: Database, samples: Samples, may_go_on: MayGoOn, room: Room) -> Made:
    """Writes the file, while there is room for it. Raises Stopped, TooLarge, SpanDamaged and OSError."""
    parts = list(_parts(database, job))
    path = Path(job.path)
    with (
        io.BufferedRandom(OrdinaryFile(path, room)) as file,
        tempfile.TemporaryDirectory(dir=path.parent) as scratch,
    ):
        writes = writer(ExportFormat(job.format), file, samples.reader, Path(scratch), room)
        for number, (sensor_id, start_ns, end_ns) in enumerate(parts):
            _ask(may_go_on, sensor_id, number, len(parts))
            writes.write(sensor_id, start_ns, end_ns, _channels(database, sensor_id, job.channel))
            if file.tell() > job.bytes_max:
                raise TooLarge
        writes.close()
        file.flush()
        os.fsync(file.fileno())
    for sensor_id in job.sensor_ids:
        _ask(may_go_on, sensor_id, len(parts), len(parts))
    with path.open("rb") as file:
        return Made(path.stat().st_size, _digest(file))


def _ask(may_go_on: MayGoOn, sensor_id: str, part: int, parts: int) -> None:
    if not may_go_on(Asked(sensor_id, part, parts)):
        raise Stopped


def _parts(database: Database, job: Job) -> Iterator[tuple[str, int, int]]:
    """Hours with samples, sensor by sensor, in order: (sensor, start, end)."""
    table = tables.span
    for sensor_id in job.sensor_ids:
        query = (
            select(table.c.hour)
            .distinct()
            .where(
                table.c.sensor_id == sensor_id,
                table.c.end_ns >= job.start_ns,
                table.c.start_ns < job.end_ns,
            )
        )
        with database.reading(once=True) as tx:
            found = tx.execute(query).scalars().all()
        # A row's samples may go on in the hour after the one in which it begins.
        for hour in sorted({hour + later for hour in found for later in (0, 1)}):
            start_ns, end_ns = max(hour * HOUR_NS, job.start_ns), min((hour + 1) * HOUR_NS, job.end_ns)
            if start_ns < end_ns:
                yield sensor_id, start_ns, end_ns


def _channels(database: Database, sensor_id: str, asked: str | None) -> frozenset[str] | None:
    if asked is None:
        return None
    query = select(tables.channel.c.code).where(tables.channel.c.sensor_id == sensor_id)
    with database.reading(once=True) as tx:
        return named_by(asked, tx.execute(query).scalars().all())


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    main(int(sys.argv[1]))
