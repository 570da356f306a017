"""RabbitMQ's rights, as ops/rabbitmq/rights.json gives them: each account does what it needs, and nothing else."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from amqp import Message
from amqp.exceptions import AccessRefused, PreconditionFailed
from kombu import Connection, Queue

from services.service_registry import SERVICES
from shared.messaging.accounts.rules import CALLS, Accounts
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.entrypoints import queues_of
from shared.messaging.exchanges import broadcast_queue, dead_letter_queue, events_of, replay_exchange
from shared.messaging.readings.exchange import READINGS, readings_queue
from tests.servers import RPC_ACCOUNTS, RabbitMq

OTHER = "back-office"
BRIDGE = "bridge-mexico"
ACCOUNTS = (*SERVICES, OTHER)
DURABLE = [queue for service in SERVICES.values() for of in service.service_classes() for queue in queues_of(of)]
EVENTS = {
    "keys.events": ("KeyCreated", "KeyRevoked", "OrganisationRegistered"),
    "auth.events": ("RequestMetered", "AuthenticationFailed"),
    "usage.events": ("KeyUsed", "BatchesCounted", "AlertRaised"),
    "sensors.events": ("SensorRegistered", "ExportEnded"),
}
PROCEDURES = sorted({*RPC_ACCOUNTS[OTHER]["methods"]} | {one for calls in CALLS.values() for one in calls})
DEMANDED = Accounts(demanded=True)
READINGS_QUEUE = readings_queue("sensors")
pytestmark = pytest.mark.xdist_group("distributed")


class Broker:
    """One virtual host with every queue that the services have. `may` tries one thing on a connection of its own."""

    def __init__(self, rabbitmq: RabbitMq) -> None:
        self._uri = rabbitmq.new_vhost()
        self.reply_queue = f"rpc.reply-keys-{uuid.uuid4()}"
        with Connection(self._uri) as operator:
            channel = operator.channel()
            for queue in DURABLE:
                dead_letter_queue(queue)(channel).declare()
                queue(channel).declare()
            READINGS_QUEUE(channel).declare()
            channel.queue_declare("rpc-keys", durable=True, auto_delete=False)
            channel.queue_declare(self.reply_queue, auto_delete=False)

    def uri(self, account: str) -> str:
        return RabbitMq.as_account(self._uri, account)

    def may(self, account: str, attempt: Callable[[Any], object]) -> bool:
        with Connection(self.uri(account)) as connection:
            channel = connection.channel()
            try:
                attempt(channel)
            except AccessRefused:
                return False
        return True

    def may_publish(self, account: str, exchange: str, routing_key: str) -> bool:
        def publish(channel: Any) -> None:
            channel.basic_publish_confirm(Message(b"{}", user_id=account), exchange=exchange, routing_key=routing_key)

        return self.may(account, publish)


@pytest.fixture(scope="module")
def broker(rabbitmq: RabbitMq) -> Broker:
    return Broker(rabbitmq)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_events_are_published_by_those_alone_whom_receivers_believe(broker: Broker, account: str) -> None:
    for exchange, types in EVENTS.items():
        for type_ in types:
            may = broker.may_publish(account, exchange, type_)
            assert may == DEMANDED.may_publish(account, exchange), (exchange, type_)
    if account not in ("auth", OTHER):
        assert not broker.may_publish(account, "auth.events", "KeyCreated")


@pytest.mark.parametrize("account", ACCOUNTS)
def test_calls_are_those_of_the_account_and_nobody_answers_but_services(broker: Broker, account: str) -> None:
    calls = CALLS.get(account, frozenset(RPC_ACCOUNTS[OTHER]["methods"]))
    for procedure in PROCEDURES:
        assert broker.may_publish(account, "nameko-rpc", procedure) == (procedure in calls), procedure
    assert broker.may_publish(account, "nameko-rpc", str(uuid.uuid4())) == (account in SERVICES)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_queue_of_another_is_read_written_or_changed(broker: Broker, account: str) -> None:
    names = [name for queue in DURABLE for name in (queue.name, f"{queue.name}.dead")]
    for name in (*names, "rpc-keys", broker.reply_queue):
        is_own = name.startswith((f"{account}.", f"rpc-{account}", f"rpc.reply-{account}-"))
        assert not broker.may_publish(account, "", name), "through the default exchange"
        assert broker.may(account, _does("basic_get", name)) == is_own
        assert broker.may(account, _does("basic_consume", name, callback=id)) == is_own
        if not is_own:
            assert not broker.may(account, _does("queue_purge", name))
            assert not broker.may(account, _does("queue_delete", name))
            assert not broker.may(account, _does("queue_bind", name, "keys.events", "#"))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_exchange_of_another_is_declared_anew_or_deleted(broker: Broker, account: str) -> None:
    for exchange in (*EVENTS, "nameko-rpc", "grillo.dead", *(replay_exchange(queue).name for queue in DURABLE)):
        if not exchange.startswith(f"{account}."):
            assert not broker.may(account, _does("exchange_delete", exchange))
            assert not broker.may(account, _does("exchange_declare", exchange, "topic"))
            assert not broker.may_publish(account, exchange, "auth.follows.keys") or exchange == "grillo.dead"


@pytest.mark.parametrize("account", SERVICES)
def test_a_gate_hears_what_it_needs_and_nothing_about_others_requests(broker: Broker, account: str) -> None:
    def hear(queue: Queue) -> Callable[[Any], object]:
        return lambda channel: queue(channel).declare()

    for heard in (broadcast_queue(account, "keys"), broadcast_queue(account, "usage", "BatchesCounted")):
        assert broker.may(account, hear(heard))
    for not_heard in (
        broadcast_queue(account, "auth", "RequestMetered"),
        broadcast_queue(account, "auth"),
        broadcast_queue(account, "usage"),
        Queue(f"rpc.reply-{account}-{uuid.uuid4()}", exchange=events_of("auth"), routing_key="#"),
    ):
        assert broker.may(account, hear(not_heard)) == (account == "usage" and not_heard.routing_key != "#")

    def overhear(channel: Any) -> None:
        queue = channel.queue_declare(f"rpc.reply-{account}-{uuid.uuid4()}").queue
        channel.queue_bind(queue, "nameko-rpc", "#")

    assert not broker.may(account, overhear)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nobody_speaks_in_another_s_name(broker: Broker, account: str) -> None:
    def forge(channel: Any) -> None:
        message = Message(b"{}", user_id="keys" if account != "keys" else "usage")
        channel.basic_publish_confirm(message, exchange="nameko-rpc", routing_key="keys.feed.pull")

    with pytest.raises(PreconditionFailed, match="user_id"):
        broker.may(account, forge)


def test_a_message_far_larger_than_any_of_ours_is_not_taken(broker: Broker) -> None:
    def flood(channel: Any) -> None:
        message = Message(b"x" * (16 * 2**20 + 1), user_id="sensors")
        channel.basic_publish_confirm(message, exchange="auth.events", routing_key="RequestMetered")

    with pytest.raises(PreconditionFailed, match="message size"):
        broker.may("sensors", flood)


def test_followers_declare_consume_and_give_back_under_their_own_account(broker: Broker) -> None:
    for queue in DURABLE:
        account = queue.name.partition(".")[0]
        with Connection(broker.uri(account)) as connection:
            channel = connection.channel()
            dead_letter_queue(queue)(channel).declare()
            queue(channel).declare()
        letters = DeadLetters(broker.uri(account), queue)
        letters.list()
        letters.replay()


def _does(method: str, *arguments: str, **options: object) -> Callable[[Any], object]:
    return lambda channel: getattr(channel, method)(*arguments, **options)


def test_a_bridge_publishes_readings_of_its_networks_and_does_nothing_else(broker: Broker) -> None:
    (network_id,) = RPC_ACCOUNTS[BRIDGE]["networks"]
    assert broker.may_publish(BRIDGE, READINGS.name, network_id)
    for other in ("net_of_another", f"{network_id}x", "", "#"):
        assert not broker.may_publish(BRIDGE, READINGS.name, other)
    for account in ACCOUNTS:
        assert not broker.may_publish(account, READINGS.name, network_id)
    for exchange, types in EVENTS.items():
        assert not any(broker.may_publish(BRIDGE, exchange, type_) for type_ in types)
    assert not any(broker.may_publish(BRIDGE, "nameko-rpc", procedure) for procedure in PROCEDURES)


@pytest.mark.parametrize("account", [*(name for name in SERVICES if name != "sensors"), OTHER, BRIDGE])
def test_readings_are_read_by_sensors_alone(broker: Broker, account: str) -> None:
    name = READINGS_QUEUE.name
    assert not broker.may(account, _does("basic_get", name))
    assert not broker.may(account, _does("queue_purge", name))
    assert not broker.may(account, _does("queue_delete", name))
    assert not broker.may_publish(account, "", name)
    assert not broker.may(account, _does("exchange_delete", READINGS.name))
    assert broker.may("sensors", _does("basic_get", name))
