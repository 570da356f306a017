"""Real recordings laid, sealed, and offered again: all of it is repeated, also where a record is in two sealed ones."""

import gzip
import os
from pathlib import Path

import pytest

from services.sensors.accounting.account import Account
from services.sensors.accounting.identity import Run
from services.sensors.arrival.laid_runs import lay
from services.sensors.arrival.record import AXES, Record
from services.sensors.ingest.openeew_message import parse
from services.sensors.store.even_times import HOUR_NS, NS
from services.sensors.store.miniseed.codec import decode, stated_rate
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Piece
from services.sensors.store.sealing.hour_file import divided, hour_file
from services.sensors.timing.hull import End
from services.sensors.timing.rates import spacing_hz

REPOSITORY = Path(__file__).resolve().parents[4]
RECORDS = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve() / "records"
CODES = Codes(network="XX", station="A", location="", channel="BNZ")


def _records(path: Path) -> list[Record]:
    with gzip.open(path) as lines:
        found = [one for line in lines for one in parse(line, source=path.name, now_ns=1_800_000_000 * NS).records]
    return sorted(found, key=lambda record: record.device_ns)


def _sealed(runs: list[Run], rate_hz: float) -> list[Run]:
    """As they come out of their hours' files, with device time taken as true."""
    found = []
    pieces = [
        Piece(
            axis="x",
            era=1,
            device_ns=run.device_ns,
            device_end_ns=run.device_end_ns,
            start_ns=run.device_ns,
            rate_hz=stated_rate(rate_hz),
            samples=run.values,
        )
        for run in runs
    ]
    for hour in range(pieces[0].start_ns // HOUR_NS, pieces[-1].end_ns // HOUR_NS + 1):
        file = hour_file(CODES, [part for piece in pieces for part in divided(piece, hour)[0]])
        for row in (row for span in file.spans for row in span.records):
            first = int(row["place"]) * file.record_bytes
            values = decode(file.content[first : first + file.record_bytes])
            found.append(Run(device_ns=int(row["device_ns"]), device_end_ns=int(row["device_end_ns"]), values=values))
    return found


@pytest.mark.parametrize("event", sorted(RECORDS.iterdir()), ids=lambda path: path.name)
def test_recordings_that_come_again_after_sealing_are_repeated_to_the_last_sample(event: Path) -> None:
    offered_again = {}
    for path in sorted(event.rglob("*.jsonl.gz")):
        records = _records(path)
        rate_hz = spacing_hz((End(record.device_ns, record.count) for record in records), 31.25) or 31.25
        runs = lay(records, {}, NS / rate_hz).new
        stored = {axis: _sealed(runs[axis], rate_hz) for axis in AXES}
        again = lay(records, stored, NS / rate_hz).account
        if again != Account(repeated=sum(record.values.size for record in records)):
            offered_again[str(path.relative_to(event))] = again
    assert offered_again == {}
