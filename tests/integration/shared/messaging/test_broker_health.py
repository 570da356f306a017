"""A scrape says whether the broker answers, and how many dead letters wait there; it comes back with the broker."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import kombu
import pytest

from shared.messaging.broker_health import of_broker
from shared.messaging.exchanges import dead_letter_queue, durable_queue
from shared.observability.at_scrape import Measure
from tests.servers import RabbitMq

QUEUES = [durable_queue("auth", "keys"), durable_queue("usage", "keys")]
UNUSED = [f"{queue.name}.dead" for queue in QUEUES]
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(120)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RabbitMq]:
    """One of the test's own: it is stopped."""
    with closing(RabbitMq(tmp_path)) as server:
        yield server


def told(measure: Measure) -> dict[str, dict[str, float]]:
    return {
        family.name: {next(iter(sample.labels.values())): sample.value for sample in family.samples}
        for family in measure()
    }


def test_dead_letters_are_counted_as_a_service_s_account_while_the_broker_answers(broker: RabbitMq) -> None:
    everything = broker.new_vhost()
    measure = of_broker("auth", broker.as_account(everything, "auth"), QUEUES)
    nothing = {"grillo_broker_up": {"auth": 1.0}, "grillo_dead_letters": dict.fromkeys(UNUSED, 0.0)}
    assert told(measure) == nothing, "also of queues that nobody has declared yet"
    with kombu.Connection(everything, transport_options={"confirm_publish": True}) as connection:
        dead_letter_queue(QUEUES[0])(connection.channel()).declare()
        for _ in range(3):
            connection.Producer().publish({}, exchange="grillo.dead", routing_key=QUEUES[0].name)
    assert told(measure)["grillo_dead_letters"] == {UNUSED[0]: 3.0, UNUSED[1]: 0.0}
    broker.stop()
    assert told(measure) == {"grillo_broker_up": {"auth": 0.0}, "grillo_dead_letters": {}}
    broker.start()
    assert told(measure)["grillo_broker_up"] == {"auth": 1.0}
