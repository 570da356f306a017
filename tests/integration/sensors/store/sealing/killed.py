"""A process that seals or sweeps, and is killed where it is told: `python -m … DATABASE FOLDER SECONDS STEP [OFFSET]`.

SECONDS: after noon. STEP: of the sealer, or `deleted`: after the first file that the sweep deletes, or `added`,
`retimed`, `forgotten`: before the commit of an arrival, of new times, of a sensor's deletion. OFFSET: of the line that
era 1 is timed by.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from services.sensors.store.miniseed.archive import Archive
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.integration.sensors.store.stored_samples import SENSOR_ID, Line, Lines, StoredSamples, records


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_BEFORE_COMMIT: dict[str, Callable[[StoredSamples, Connection], object]] = {
    "added": lambda stored, tx: stored.store.add(tx, SENSOR_ID, records(range(500, 600))),
    "retimed": lambda stored, tx: stored.store.retime(tx, SENSOR_ID, 1, Line(offset_ns=-(10**9))),
    "forgotten": lambda stored, tx: stored.store.forget(tx, SENSOR_ID),
}


def main(database: str, folder: str, seconds: str, step: str, offset_ns: str = "") -> None:
    clock, lines = ManualClock(NOON), Lines()
    clock.advance(float(seconds))
    stored = StoredSamples(Database.sqlite(Path(database)), Path(folder), clock, lines)
    if offset_ns:
        lines.of[1] = Line(offset_ns=int(offset_ns))
    if step == "deleted":
        delete = Archive.delete

        def delete_and_end(self: Archive, relative: str) -> None:
            delete(self, relative)
            kill()

        Archive.delete = delete_and_end  # type: ignore[method-assign]  # in this process alone
        stored.sweep.run()
    elif step in _BEFORE_COMMIT:
        with stored.database.transaction() as tx:
            stored.store.lock(tx, SENSOR_ID)
            _BEFORE_COMMIT[step](stored, tx)
            kill()
    else:
        stored.sealer(lambda name: kill() if name == step else None).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
