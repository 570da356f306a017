"""Admission of messages: one that its account may not say is counted, logged at most once a minute, and dropped.

The account is the property `user_id`, which RabbitMQ lets nobody set to another's.
"""

from enum import Enum
from typing import Any

import structlog
from kombu import Queue

from shared.messaging.accounts.rules import Accounts
from shared.messaging.exchanges import ORIGINAL_SENDER, replay_exchange
from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute

_lines = OnceAMinute()  # of the process
_log = structlog.get_logger(__name__)


class Refused(Enum):
    """Why; the values are those that metrics count by."""

    NO_ACCOUNT = "no-account"
    EVENT = "event-of-another"
    ANSWER = "answer-of-another"
    CALL = "call-not-allowed"
    MALFORMED = "malformed-call"
    BATCH = "batch-of-another"
    READING = "reading-of-another"
    UNREADABLE = "unreadable"


def account_in(message: Any) -> str | None:
    account: str | None = message.properties.get("user_id")
    return account


def sender_of(message: Any, queue: Queue, exchange: str | None) -> str | None:
    """The account that published it first. `exchange`: by which it came; a follower gives its own dead letters back."""
    account, is_replayed = account_in(message), exchange == replay_exchange(queue).name
    if is_replayed and account == queue.name.partition(".")[0]:
        original: str | None = message.headers.get(ORIGINAL_SENDER)
        return original
    return account


def believed(accounts: Accounts, queue: Queue, message: Any) -> bool:
    """Whether an event from this queue may be heard. If not, it is counted; the caller acknowledges it."""
    if not accounts.demanded:
        return True
    exchange = message.delivery_info.get("exchange")
    sender, came_by = sender_of(message, queue, exchange), (queue.exchange.name, replay_exchange(queue).name)
    if exchange in came_by and accounts.may_publish(sender, queue.exchange.name):
        return True
    refuse(Refused.EVENT if sender else Refused.NO_ACCOUNT, sender, f"{exchange} to {queue.name}")
    return False


def refuse(reason: Refused, account: str | None, said: str) -> None:
    """Counts it. `said`: where it came by, without anything of the message."""
    metrics.messages_refused.labels(reason.value).inc()
    if (refused := _lines.due()) is not None:
        _log.warning("message_refused", reason=reason.value, account=account, said=said, refused=refused)
