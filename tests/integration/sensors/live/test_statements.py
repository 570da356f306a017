"""A batch is read and written by statements for all of its devices together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import event

from services.sensors.assembly import Sensors
from shared.messaging.readings.reading import Reading
from shared.sql.database import Database
from tests.integration.sensors.live.messages import archived, network, readings


def test_a_batch_takes_no_more_statements_for_more_devices(sensors: Sensors) -> None:
    """In their steady state: what begins an era, or a minute of one, takes some of its own."""
    network_id = network(sensors)
    devices = [f"{number:03}" for number in range(40)]

    def batch(number: int, of: Sequence[str]) -> list[Reading]:
        return readings(network_id, [archived(number, device) for device in of])

    for number in range(10):
        sensors.receiver.take(batch(number, devices))
    with statements(sensors.database) as of_one:
        sensors.receiver.take(batch(10, devices[:1]))
    with statements(sensors.database) as of_all:
        sensors.receiver.take(batch(11, devices))
    assert of_all == of_one
    assert len(of_all) <= 25


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """By their first words."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(" ".join(statement.split()[:3]))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
