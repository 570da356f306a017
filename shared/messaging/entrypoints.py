"""nameko entrypoints and the dependency provider of our service classes: `follows`, `hears`, `timer`, `Provided`."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from eventlet import Timeout
from kombu import Queue
from nameko.containers import WorkerContext
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR, DependencyProvider
from nameko.messaging import Consumer
from nameko.timer import Timer

from shared.messaging.accounts.admission import believed, sender_of
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.consuming.batches import BatchConsumer, Batching
from shared.messaging.consuming.queue_consumer import PromptQueueConsumer
from shared.messaging.exchanges import dead_letter_queue, durable_queue
from shared.observability import trace_context

# Names in nameko's configuration.
COMPOSITION, ACCOUNTS = "COMPOSITION", "ACCOUNTS"
_ACCOUNT = "account"
# Of a message's context: the trace that it belongs to.
TRACEPARENT = "traceparent"
# Events of a log that are taken at once, a page of its relay at most, and all that wait for it in this process.
FOLLOWED_MAX = 200
_log = structlog.get_logger(__name__)


def accounts_of(container: Any) -> Accounts:
    accounts: Accounts = container.config.get(ACCOUNTS, ALL_BELIEVED)
    return accounts


class _Declaring(PromptQueueConsumer):
    """Declares the dead letter queues with each connection: a broker that lost its disk has lost them, too."""

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        for entrypoint in self._providers:
            dead_letter_queue(entrypoint.queue)(channel).declare()
        return super().get_consumers(consumer_cls, channel)


class _DeclaringBatches(_Declaring, BatchConsumer):
    pass


class _Hearing(Consumer):
    """Consumer that rejects a message whose method raised: it becomes a dead letter, which a person may replay.

    nameko's own consumer would acknowledge and lose it, or requeue it at once and for ever.
    """

    queue_consumer = _Declaring()

    def unpack_message_headers(self, message: Any) -> dict[str, Any]:
        account = sender_of(message, self.queue, message.delivery_info.get("exchange"))
        return told_account(super().unpack_message_headers(message), accounts_of(self.container), account)

    def handle_message(self, body: Any, message: Any) -> None:
        if believed(accounts_of(self.container), self.queue, message):
            super().handle_message(body, message)
        else:
            self.queue_consumer.ack_message(message)

    def handle_message_processed(self, message: Any, result: Any = None, exc_info: Any = None) -> None:
        if exc_info is None:
            self.queue_consumer.ack_message(message)
        else:
            self.queue_consumer.reject_message(message)


class _Following(Batching):
    """Gives its method all envelopes that have come. If it raises, it is given each alone, and those of which it raises
    are rejected, as above.
    """

    queue_consumer = _DeclaringBatches()
    batch_max = prefetch_max = FOLLOWED_MAX

    def read(self, message: Any) -> tuple[Any, ...]:
        try:
            body = message.decode()
        except Exception as error:
            self.queue_consumer.on_decode_error(message, error)
            return ()
        if believed(accounts_of(self.container), self.queue, message):
            return (body,)
        self.queue_consumer.ack_message(message)
        return ()

    def failed(self, batch: Sequence[Any]) -> float:
        if len(batch) > 1:
            self.put_back(batch, each_alone=True)
        else:
            self.queue_consumer.reject_message(*batch)
        return 0


def follows(follower: str, service: str) -> Any:
    """Entrypoint: every event of a service's log, in batches; one queue for all instances of the follower."""
    return _Following.decorator(durable_queue(follower, service))


def hears(follower: str, service: str, type_: str) -> Any:
    """Entrypoint: one type of a service's events, each by itself."""
    return _Hearing.decorator(queue=durable_queue(follower, service, type_))


class SteadyTimer(Timer):
    """Timer by the steady clock: nameko's own counts by the wall clock, and so would stand still for three days after
    that is set back by three, and fire without a pause after it is set ahead.

    It ticks in its own greenlet, with one service object: a worker for each tick takes 0.3 ms more.
    """

    def _run(self) -> None:
        tick = self._method()
        due = time.monotonic() + (0 if self.eager else self.interval)
        while True:
            with Timeout(max(0.0, due - time.monotonic()), exception=False):
                self.should_stop.wait()
                break
            try:
                tick()
            except Exception:
                # Each under a name of its own: of one that all share, failures of one database would be told once.
                _log.exception(f"{self.method_name}_failed")
            due = max(due + self.interval, time.monotonic())  # what was missed is not made up for

    def _method(self) -> Callable[[], None]:
        service = self.container.service_cls()
        context = WorkerContext(self.container, service, self)
        for provider in self.container.dependencies:
            setattr(service, provider.attr_name, provider.get_dependency(context))
        method: Callable[[], None] = getattr(service, self.method_name)
        return method


timer = SteadyTimer.decorator


def queues_of(service_class: type) -> Iterator[Queue]:
    """The durable queues that a service's `follows` and `hears` consume."""
    for method in vars(service_class).values():
        for entrypoint in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()):
            if isinstance(entrypoint, _Following | _Hearing):
                yield entrypoint.queue


class Sender(DependencyProvider):
    """Dependency: the account that sent this message or makes this call; None where accounts are not demanded, and of
    a batch, whose messages each had to be believed.

    What is done for it belongs to the trace that it names.
    """

    def worker_setup(self, worker_ctx: Any) -> None:
        trace_context.current.set(trace_context.taken(worker_ctx.data.get(TRACEPARENT)))

    def get_dependency(self, worker_ctx: Any) -> str | None:
        account: str | None = worker_ctx.data.get(_ACCOUNT)
        return account


def told_account(context: dict[str, Any], accounts: Accounts, account: str | None) -> dict[str, Any]:
    """What a worker is told of a message: its account, whatever its headers say, and the trace that they name.

    None of the other headers: nameko takes its own for what it wrote, and its container dies of one that is not.
    """
    return {TRACEPARENT: context.get(TRACEPARENT), _ACCOUNT: account if accounts.demanded else None}


class Provided(DependencyProvider):
    """Dependency provider: gives a service the plain object that the composition root made under this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.container.config[COMPOSITION][self.name]
