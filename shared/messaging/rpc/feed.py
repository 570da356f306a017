"""Feed of another service over RPC: the second way to pull, for when its internal API cannot be reached by HTTP."""

import msgspec

from shared.eventsourcing.event_store import Head
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, call
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable

PULL_SECONDS_MAX = 0.5


class RpcFeed:
    def __init__(self, amqp_uri: str, service: str, accounts: Accounts = ALL_BELIEVED) -> None:
        self._amqp_uri, self._service, self._accounts = amqp_uri, feed_service(service), accounts

    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        place, acknowledged = msgspec.to_builtins(after), msgspec.to_builtins(acknowledgement)
        try:
            page = call(
                self._amqp_uri,
                self._service,
                "pull",
                place,
                acknowledged,
                seconds_max=PULL_SECONDS_MAX,
                accounts=self._accounts,
            )
            return msgspec.convert(page, type=FeedPage)
        except (CallFailed, msgspec.ValidationError) as error:
            raise FeedUnavailable(str(error)) from error


def feed_service(service: str) -> str:
    """The nameko service of a service's feed: one of its own, so that slow calls never keep a pull waiting."""
    return f"{service}.feed"
