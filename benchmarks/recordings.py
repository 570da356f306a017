"""Recordings given out: ten minutes of a sensor as JSON, and the memory of an export by its length.

Processor time, for the machine may be shared. Samples are noise like that of the recordings, three axes at 31.25 Hz,
sealed by the sealer's own writer. An export's child process is the service's own, and its peak is what the system says.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.samples import AXES, FIRST_HOUR, ORGANISATION, _noise, _register, _sensor_id, _write_hour
from services.sensors.assembly import MIGRATIONS
from services.sensors.exports.making.messages import Job
from services.sensors.recordings.reading import RecordingReader
from services.sensors.recordings.sample_json import recording
from services.sensors.recordings.time_range import TimeRange
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import Visible
from services.sensors.samples import Samples, open_samples
from services.sensors.store.even_times import HOUR_NS
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codes import Codes
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate

HOURS, READS = int(os.environ.get("BENCH_HOURS", "100")), 200
_CHILD = """
import sys, msgspec
from pathlib import Path
from services.sensors.exports.making.child import make
from services.sensors.exports.making.messages import Job
from services.sensors.samples import open_samples
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
database = Database(job.database_url)
print(make(job, database, open_samples(database, Path(job.samples_folder), SystemClock()), lambda asked: True).bytes)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Database.sqlite(folder / "sensors.sqlite")
        migrate(database, MIGRATIONS)
        _fill(database, folder / "samples")
        _measure_json(database, open_samples(database, folder / "samples", SystemClock()))
        for format_ in ("csv", "sds"):
            for hours in (HOURS // 10, HOURS):
                _measure_export(database, folder, format_, hours)
        database.close()


def _fill(database: Database, folder: Path) -> None:
    _register(database, 1)
    archive, noise = Archive(folder), [_noise(seed) for seed in range(8)]
    for hour in range(HOURS):
        with database.transaction(durable=False) as tx:
            for axis, channel in zip(AXES, ("BNZ", "BN1", "BN2"), strict=True):
                codes = Codes(network="XX", station="S0", location="", channel=channel)
                _write_hour(tx, archive, _sensor_id(0), axis, codes, FIRST_HOUR + hour, random.choice(noise))


def _measure_json(database: Database, samples: Samples) -> None:
    """What the handler does, from the query for the sensor to the bytes of the answer."""
    queries, reader = SensorQueries(database, SystemClock()), RecordingReader(samples.reader)
    took, size = [], 0
    for _ in range(READS):
        start_ns = FIRST_HOUR * HOUR_NS + random.randrange(HOURS * 3600 - 600) * 10**9
        began = time.process_time()
        sensor = queries.get_sensor(Visible(organisation_id=ORGANISATION), _sensor_id(0))
        assert sensor is not None
        asked = TimeRange(start_ns=start_ns, end_ns=start_ns + 600 * 10**9)
        segments = reader.segments(sensor, asked, None)
        size = len(msgspec.json.encode(recording(sensor, asked, None, segments, None)))
        took.append(time.process_time() - began)
    p50, p95 = (statistics.quantiles(took, n=100)[percent - 1] * 1000 for percent in (50, 95))
    print(f"10 minutes of one sensor as JSON ({size:,} bytes): p50 {p50:.1f} ms, p95 {p95:.1f} ms of processor time")


def _measure_export(database: Database, folder: Path, format_: str, hours: int) -> None:
    job = Job(
        database_url=database.engine.url.render_as_string(hide_password=False),
        samples_folder=str(folder / "samples"),
        path=str(folder / f"export.{format_}"),
        format=format_,
        sensor_ids=(_sensor_id(0),),
        channel=None,
        start_ns=FIRST_HOUR * HOUR_NS,
        end_ns=(FIRST_HOUR + hours) * HOUR_NS,
        bytes_max=10 * 1024**3,
    )
    child = subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(msgspec.json.encode(job))
    child.stdin.close()
    size = int(child.stdout.read())
    _, _, used = os.wait4(child.pid, 0)
    child.stdout.close()
    seconds = used.ru_utime + used.ru_stime
    print(
        f"{format_}, {hours} hours: {size:,} bytes, {seconds:.1f} s of processor, peak {used.ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    main()
