"""A worker that is killed between any two steps of a batch has stored nothing of it; given again it is counted once."""

from pathlib import Path

from services.sensors import assembly
from services.sensors.accounting.account import Account
from services.sensors.arrival import senders
from services.sensors.assembly import Sensors
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.registry.sensor import sensor_id
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, NoBus
from tests.integration.sensors.live.messages import BRIDGE, archived, counting, network, readings, served, undated
from tests.killed import Steps, at_each_step
from tests.service_database import migrated

NEW = Account(new=7 * 96, reasons={"": 0})
TWICE = Account(new=7 * 96, repeated=7 * 96, reasons={"": 0})


def opened(folder: Path) -> Sensors:
    database = migrated(Database.sqlite(folder / "sensors.db"), assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), ManualClock(NOON), folder / "samples")


def account(sensors: Sensors) -> Account:
    with sensors.database.reading() as tx:
        return senders.of_sender(tx, BRIDGE)


def test_nothing_of_a_batch_is_stored_when_its_worker_is_killed_and_all_of_it_once_when_it_comes_again(
    tmp_path: Path,
) -> None:
    folder, copies = tmp_path / "before", tmp_path / "copies"
    folder.mkdir()
    copies.mkdir()
    sensors = opened(folder)
    network_id = network(sensors)
    sensors.database.close()
    messages = [*(archived(number) for number in range(6)), undated(0, "002")]

    def take(one: Path, _steps: Steps) -> None:
        opened(one).receiver.take(readings(network_id, messages))

    *ended, done = at_each_step(folder, copies, take)
    assert len(ended) > 20
    for one in (*ended, done):
        there = opened(one)
        assert account(there) == (NEW if one is done else Account())
        there.receiver.take(readings(network_id, messages, is_redelivered=True))
        assert account(there) == (TWICE if one is done else NEW)
        for name, count in (("001", 6), ("002", 1)):
            of_sensor = sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, name)
            assert [values for _, values in served(there, of_sensor)] == [counting([0, count])]
        assert there.samples.verification.run().faults == ()
        there.database.close()
