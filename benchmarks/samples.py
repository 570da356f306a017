"""The store of samples: `python -m benchmarks.samples [import] [live] [reads]`, each less than four minutes; or all.

`import`: all recordings of `GRILLO_TEST_DATA`, then their sealing: wall and processor time, peak memory, bytes stored.
`live`: the same recordings as messages, a second's of all devices at once, then their sealing.
`reads`: ten minutes of a sensor as miniSEED, from a month of thirty. The hours that are read are files, made by the
sealer's own writer of noise like that of the recordings; of all others there is the index alone, which is theirs with
other times: 64,800 files of 170 kB tell nothing more. Each read is measured with its file out of the system's memory
(cold), and again (warm). `BENCH_DAYS` and `BENCH_SENSORS` make it smaller, and the figures say so.
"""

import gzip
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, func, insert, select

from services.sensors import ingest, tables
from services.sensors.assembly import MIGRATIONS, assemble
from services.sensors.ingest.importer import Importer
from services.sensors.networks.network import Settings
from services.sensors.samples import Samples as Store
from services.sensors.samples import open_samples
from services.sensors.store import index
from services.sensors.store.even_times import HOUR_NS
from services.sensors.store.miniseed.archive import Archive, FileName
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Samples, by_time
from services.sensors.store.sealing.hour_file import HourFile, hour_file
from services.sensors.store.span import SealedSpan
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.messaging.readings.reading import Reading
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus

DAYS, SENSORS = int(os.environ.get("BENCH_DAYS", "30")), int(os.environ.get("BENCH_SENSORS", "30"))
RECORDINGS = Path(os.environ.get("GRILLO_TEST_DATA", "../shared/data/openeew")) / "records"
ORGANISATION, RATE_HZ, AXES = "org_bench", 31.25, ("x", "y", "z")
READS, MINUTES_NS = 400, 600 * 10**9
FIRST_HOUR = 490_000  # in 2025


def main(*chosen: str) -> None:
    measures = {"import": _measure_import, "live": _measure_live, "reads": _measure_reads}
    for what in chosen or measures:
        with tempfile.TemporaryDirectory() as name:
            measures[what](Path(name))


def _opened(folder: Path) -> tuple[Database, Store]:
    database = Database.sqlite(folder / "sensors.sqlite")
    migrate(database, MIGRATIONS)
    return database, open_samples(database, folder / "samples", SystemClock())


def _measure_import(folder: Path) -> None:
    """All of it: unpacking, JSON, times, what is stored already, rows; then sealing."""
    database, samples = _opened(folder)
    store = SqlEventStore(database, tables.metadata)
    importer = Importer(database, store, samples.store, SystemClock())
    files = sorted(RECORDINGS.rglob("*.jsonl.gz"))
    began, used = time.perf_counter(), time.process_time()
    count = 0
    sensor_ids: set[str] = set()
    for file in files:
        imported = importer.store(ingest.read(file, now=SystemClock().now()), ORGANISATION, ORIGIN)
        count, sensor_ids = count + imported.account.new, sensor_ids | set(imported.sensor_ids)
    count += sum(account.new for account in importer.decide(sensor_ids).values())
    print(f"import: {len(files)} files, {count:,} samples, {_per_second(count, began, used)}")
    _seal(samples, database, count)
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    database.close()


def _measure_live(folder: Path) -> None:
    part = assemble(Database.sqlite(folder / "sensors.sqlite"), NoBus(), SystemClock(), folder / "samples")
    network_id = part.networks.commands.create(ORGANISATION_ID, Settings(name="Bench"), ORIGIN)
    lines = [
        line for file in RECORDINGS.rglob("*.jsonl.gz") for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    seconds: defaultdict[int, list[Reading]] = defaultdict(list)
    for line in lines:
        reading = Reading(account=None, network_id=network_id, body=line, sent_ns=None)
        seconds[int(json.loads(line)["cloud_t"])].append(reading)
    began, used = time.perf_counter(), time.process_time()
    for second in sorted(seconds):
        part.receiver.take(seconds[second])
    with part.database.reading() as tx:
        count = tx.execute(select(func.sum(tables.span.c.count))).scalar_one()
    print(f"live: {len(lines):,} messages, {count:,} samples, {_per_second(count, began, used)}")
    _seal(part.samples, part.database, count)
    part.database.close()


def _seal(samples: Store, database: Database, count: int) -> None:
    began, used = time.perf_counter(), time.process_time()
    while samples.sealer.run(settled=False):
        pass
    print(f"sealed: {_per_second(count, began, used)}, {_bytes_a_sample(database)}")


def _measure_reads(folder: Path) -> None:
    database, samples = _opened(folder)
    _register(database, SENSORS)
    wanted = _wanted()
    hours = {(sensor_id, hour) for sensor_id, start_ns in wanted for hour in _hours(start_ns)}
    archive, noise = Archive(folder / "samples"), [_noise(seed) for seed in range(8)]
    models = [hour_file(_ANY, [by_time("x", FIRST_HOUR * HOUR_NS, RATE_HZ, one)]) for one in noise]
    began = time.perf_counter()
    for hour in range(FIRST_HOUR, FIRST_HOUR + DAYS * 24):
        with database.transaction(durable=False) as tx:
            for sensor_id, axis, codes in _channels():
                if (sensor_id, hour) in hours:
                    _write_hour(tx, archive, sensor_id, axis, codes, hour, random.choice(noise))
                else:
                    _index_hour(tx, sensor_id, axis, codes, hour, random.choice(models))
    seconds = time.perf_counter() - began
    print(f"archive: {DAYS} days of {SENSORS} sensors in {seconds:,.0f} s, {_bytes_a_sample(database)}")
    cold: list[float] = []
    warm: list[float] = []
    used: list[float] = []
    for sensor_id, start_ns in wanted:
        for file in archive.folder.rglob(f"*.{_station(sensor_id)}.*"):
            _forget(file)
        for took in (cold, warm):
            began, processor = time.perf_counter(), time.process_time()
            content = samples.reader.miniseed(sensor_id, start_ns, start_ns + MINUTES_NS, None)
            took.append(time.perf_counter() - began)
            used.append(time.process_time() - processor)
            assert content
    for name, took in (("cold", cold), ("warm", warm), ("processor time", used)):
        print(f"10 minutes of one sensor as miniSEED, {name}: p50 {_ms(took, 50)}, p95 {_ms(took, 95)}")
    database.close()


_ANY = Codes(network="XX", station="S0", location="", channel="BNZ")


def _wanted() -> list[tuple[str, int]]:
    draw = random.Random(30)
    return [
        (_sensor_id(draw.randrange(SENSORS)), FIRST_HOUR * HOUR_NS + draw.randrange(DAYS * 24 * 3600 - 600) * 10**9)
        for _ in range(READS)
    ]


def _hours(start_ns: int) -> set[int]:
    return {at_ns // HOUR_NS for at_ns in (start_ns, start_ns + MINUTES_NS)}


def _forget(file: Path) -> None:
    """Out of the system's memory."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _channels() -> Iterator[tuple[str, str, Codes]]:
    for sensor in range(SENSORS):
        for axis, channel in zip(AXES, ("BNZ", "BN1", "BN2"), strict=True):
            yield _sensor_id(sensor), axis, Codes(network="XX", station=f"S{sensor}", location="", channel=channel)


def _write_hour(
    tx: Connection, archive: Archive, sensor_id: str, axis: str, codes: Codes, hour: int, noise: Samples
) -> None:
    made = hour_file(codes, [by_time(axis, hour * HOUR_NS, RATE_HZ, noise)])
    path = FileName(organisation_id=ORGANISATION, codes=codes, hour=hour, generation=1).relative
    file = archive.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made.content)  # as the archive writes it, but for waiting for the disk
    index.insert_file(tx, sensor_id, axis, hour, path, len(made.content), made.spans, made.record_bytes)


def _index_hour(tx: Connection, sensor_id: str, axis: str, codes: Codes, hour: int, model: HourFile) -> None:
    """As the writer's, of another hour; without its file."""
    path = FileName(organisation_id=ORGANISATION, codes=codes, hour=hour, generation=1).relative
    spans = [_moved(span, (hour - FIRST_HOUR) * HOUR_NS) for span in model.spans]
    index.insert_file(tx, sensor_id, axis, hour, path, len(model.content), spans, model.record_bytes)


def _moved(span: SealedSpan, by_ns: int) -> SealedSpan:
    records = span.records.copy()
    for name in ("start_ns", "device_ns", "device_end_ns"):
        records[name] += by_ns
    return replace(span, records=records)


def _register(database: Database, count: int) -> None:
    with database.transaction() as tx:
        for number in range(count):
            row = {"id": _sensor_id(number), "organisation_id": ORGANISATION, "network": "XX", "station": f"S{number}"}
            tx.execute(insert(tables.sensor).values(**row, name="", unit="mGal"))


def _bytes_a_sample(database: Database) -> str:
    with database.reading() as tx:
        size = tx.execute(select(func.sum(tables.sealed_file.c.bytes))).scalar_one()
        sealed = tables.span.c.file_id.is_not(None)
        count = tx.execute(select(func.sum(tables.span.c.count)).where(sealed)).scalar_one()
    return f"{size / count:.2f} bytes a sample"


def _noise(seed: int) -> Samples:
    """Of about 1.5 bytes a sample, as the recordings are between earthquakes."""
    return np.random.default_rng(seed).normal(0, 40, 112_500).round().astype(np.int32)


def _sensor_id(number: int) -> str:
    return f"sen_{number:022}"


def _station(sensor_id: str) -> str:
    return f"S{int(sensor_id[4:])}"


def _per_second(count: int, began: float, used: float) -> str:
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return f"{count / seconds:,.0f} samples/s, {count / processor:,.0f} a processor second"


def _ms(seconds: list[float], percent: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1000:.1f} ms"


if __name__ == "__main__":
    main(*sys.argv[1:])
