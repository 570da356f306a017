"""nameko's RPC entrypoint, with accounts: a call is executed if its account may make it, and answers name ours.

A call that is refused is answered with NotAllowed; one that cannot be answered is dropped.
"""

import inspect
import re
from typing import Any

import structlog
from nameko.rpc import Responder, Rpc, RpcConsumer, get_rpc_exchange

from shared.contracts.errors import NotAllowed
from shared.messaging.accounts.admission import Refused, account_in, refuse
from shared.messaging.accounts.publisher import PUBLISHING_FAULTS, AccountPublisher
from shared.messaging.accounts.rules import JUDGED_BY_ANSWER, Accounts
from shared.messaging.consuming.queue_consumer import PromptQueueConsumer
from shared.messaging.entrypoints import accounts_of, told_account
from shared.messaging.exchanges import topic_exchange
from shared.observability import metrics

_ORGANISATION = "organisation_id"
# A reply goes where it is asked to: to a reply queue, named by a UUID, and not to where calls are heard.
_REPLY_TO = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_log = structlog.get_logger(__name__)


class _Responder(Responder):
    publisher_cls = AccountPublisher


class _Consumer(RpcConsumer):
    queue_consumer = PromptQueueConsumer()

    def setup(self) -> None:
        super().setup()
        self.queue.exchange = topic_exchange(self.queue.exchange.name)

    def handle_message(self, body: Any, message: Any) -> None:
        if not _is_answerable(message):
            refuse(Refused.MALFORMED, account_in(message), f"a call of {self.container.service_name}")
            self.queue_consumer.ack_message(message)
            return
        super().handle_message(body, message)

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> Any:
        """As nameko's, which names its responder's class nowhere to be replaced, and dies of an answer not sent."""
        config = self.container.config
        responder = _Responder(config["AMQP_URI"], get_rpc_exchange(config), "json", message)
        try:
            result, exc_info = responder.send_response(result, exc_info)
        except PUBLISHING_FAULTS as error:
            _log.warning("call_not_answered", service=self.container.service_name, detail=type(error).__name__)
        self.queue_consumer.ack_message(message)
        return result, exc_info


class Procedure(Rpc):
    rpc_consumer = _Consumer()

    @property
    def _accounts(self) -> Accounts:
        return accounts_of(self.container)

    @property
    def _name(self) -> str:
        return f"{self.container.service_name}.{self.method_name}"

    def setup(self) -> None:
        super().setup()
        metrics.rpc_calls.labels(self.container.service_name, self.method_name, "failed")  # so that the first is a rise

    def handle_message(self, body: Any, message: Any) -> None:
        """Raises NotAllowed, which becomes the answer."""
        account, accounts = account_in(message), self._accounts
        if not accounts.may_call(account, self._name):
            raise self._refused(account)
        if self._name not in JUDGED_BY_ANSWER and not accounts.may_name(account, self._organisation_in(body)):
            raise self._refused(account)
        super().handle_message(body, message)

    def unpack_message_headers(self, message: Any) -> dict[str, Any]:
        return told_account(super().unpack_message_headers(message), self._accounts, account_in(message))

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        account = account_in(message)
        if self._name in JUDGED_BY_ANSWER and exc_info is None and isinstance(result, dict):
            organisation_id = result.get(_ORGANISATION)
            if organisation_id is not None and not self._accounts.may_name(account, organisation_id):
                result, exc_info = None, (NotAllowed, self._refused(account), None)
        return super().handle_result(message, worker_ctx, result, exc_info)

    def _organisation_in(self, body: Any) -> str | None:
        """As the method will be given it; it refuses what is given twice."""
        method = getattr(self.container.service_cls, self.method_name)
        names = tuple(inspect.signature(method).parameters)[1:]
        organisation_id = (dict(zip(names, body["args"], strict=False)) | body["kwargs"]).get(_ORGANISATION)
        return organisation_id if isinstance(organisation_id, str) else None

    def _refused(self, account: str | None) -> NotAllowed:
        refuse(Refused.CALL if account else Refused.NO_ACCOUNT, account, f"a call of {self._name}")
        if account is None:
            return NotAllowed("the message names no account: set its property user_id to that of the connection")
        return NotAllowed(
            f"account {account} may not call {self._name} about this organisation, or at all: RPC_ACCOUNTS"
        )


def _is_answerable(message: Any) -> bool:
    reply_to, content_type = message.properties.get("reply_to"), message.properties.get("content_type")
    return content_type == "application/json" and bool(_REPLY_TO.fullmatch(str(reply_to)))
