"""RPC client whose requests name its account, and which believes an answer only from the account of the service asked.

nameko's standalone proxy, but for that: in place of its `ClusterRpcProxy`.
"""

from typing import Any

from nameko.exceptions import RpcTimeout
from nameko.rpc import MethodProxy, ServiceProxy
from nameko.standalone.rpc import PollingQueueConsumer, SingleThreadedReplyListener, StandaloneProxyBase

from shared.messaging.accounts.admission import Refused, account_in, refuse
from shared.messaging.accounts.identity import account_of
from shared.messaging.accounts.publisher import CONFIRM_SECONDS_MAX, AccountPublisher
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.entrypoints import TRACEPARENT
from shared.messaging.exchanges import topic_exchange
from shared.observability import trace_context

_NO_ACCOUNT = "anybody"


class RpcClient(StandaloneProxyBase):
    """`with RpcClient(amqp_uri, timeout=5) as cluster: cluster.keys.get_key(…)`, or `cluster["keys.feed"].pull()`.

    Its reply queue has the account in its name: that is how RabbitMQ knows whose it is.
    """

    class ServiceContainer(StandaloneProxyBase.ServiceContainer):
        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            self.service_name = account_of(config["AMQP_URI"]) or _NO_ACCOUNT

    def __init__(
        self, amqp_uri: str, *, timeout: float, accounts: Accounts = ALL_BELIEVED, lapses: bool = False
    ) -> None:
        """`timeout`: in seconds. `lapses`: a call that nobody has taken by then is dropped by RabbitMQ, never done."""
        super().__init__({"AMQP_URI": amqp_uri}, timeout=timeout, reply_listener_cls=_ReplyListener)
        self._reply_listener.queue_consumer.accounts = accounts
        options = {"seconds_max": min(timeout, CONFIRM_SECONDS_MAX)} | ({"expiration": timeout} if lapses else {})
        self._proxy = self.cluster = _Cluster(self._worker_ctx, self._reply_listener, options)


class _Cluster:
    def __init__(self, worker_ctx: Any, reply_listener: "_ReplyListener", options: dict[str, Any]) -> None:
        """`options`: of each message."""
        self._worker_ctx, self._reply_listener, self._options = worker_ctx, reply_listener, options

    def __getattr__(self, service: str) -> ServiceProxy:
        return self[service]

    def __getitem__(self, service: str) -> ServiceProxy:
        return _Service(self._worker_ctx, service, _Asked(self._reply_listener, service), **self._options)


class _Service(ServiceProxy):
    def __getattr__(self, method: str) -> MethodProxy:
        return _Method(self.worker_ctx, self.service_name, method, self.reply_listener, **self.options)


class _Method(MethodProxy):
    publisher_cls = AccountPublisher

    def _call(self, *arguments: Any, **named: Any) -> Any:
        """Raises RpcTimeout also if RabbitMQ does not take the question in time."""
        traceparent = trace_context.current.get()
        self.worker_ctx.data.pop(TRACEPARENT, None)
        if traceparent is not None:
            self.worker_ctx.data[TRACEPARENT] = trace_context.handed_on(traceparent)
        try:
            return super()._call(*arguments, **named)
        except TimeoutError as error:
            raise RpcTimeout(str(error)) from error


class _PollingConsumer(PollingQueueConsumer):
    """Drops an answer by another account, and goes on waiting for the genuine one."""

    def __init__(self, timeout: float | None = None) -> None:
        super().__init__(timeout)
        self.accounts = ALL_BELIEVED
        self.asked: dict[str, str] = {}  # correlation id → service; nameko's own table does not say

    def register_provider(self, provider: Any) -> None:
        provider.queue.exchange = topic_exchange(provider.queue.exchange.name)
        super().register_provider(provider)

    def on_message(self, body: Any, message: Any) -> None:
        correlation_id, account = message.properties.get("correlation_id"), account_in(message)
        service = self.asked.get(correlation_id)
        if service is None:
            message.ack()  # to a call that is over
        elif not self.accounts.may_answer(account, service):
            refuse(Refused.ANSWER if account else Refused.NO_ACCOUNT, account, f"an answer of {service}")
            message.ack()
        else:
            super().on_message(body, message)


class _ReplyListener(SingleThreadedReplyListener):
    def __init__(self, timeout: float | None = None) -> None:
        super().__init__()
        self.queue_consumer = _PollingConsumer(timeout)


class _Asked:
    """The reply listener, for calls of one service."""

    def __init__(self, listener: _ReplyListener, service: str) -> None:
        self._listener, self._service = listener, service
        self.routing_key = listener.routing_key

    def get_reply_event(self, correlation_id: str) -> Any:
        consumer, waiting = self._listener.queue_consumer, self._listener._reply_events
        consumer.asked = {asked: service for asked, service in consumer.asked.items() if asked in waiting}
        consumer.asked[correlation_id] = self._service
        return self._listener.get_reply_event(correlation_id)
