"""The keys service for messages: what others may ask, what it hears, and what it does by the clock."""

from typing import Any

import msgspec
from nameko.rpc import rpc
from nameko.timer import timer

from services.keys.last_use import LastUse
from services.keys.queries import Queries
from shared.contracts.usage import KeyUsed
from shared.event_store import Head
from shared.feed import Acknowledgement, LogFeed
from shared.messaging.entrypoints import Provided, hears
from shared.messaging.rpc_feed import feed_service
from shared.relay import Relay

RELAY_SECONDS = 1


class KeysService:
    name = "keys"

    queries: Queries = Provided("keys.queries")
    relay: Relay = Provided("keys.relay")
    last_use: LastUse = Provided("keys.last_use")

    @rpc
    def get_key(self, organisation_id: str, key_id: str) -> Any:
        return msgspec.to_builtins(self.queries.get_key(organisation_id, key_id))

    @hears("keys", "usage", "KeyUsed")
    def key_used(self, body: Any) -> None:
        self.last_use.record(msgspec.convert(body, type=KeyUsed).last_used)

    @timer(interval=RELAY_SECONDS)
    def relay_what_is_left(self) -> None:
        self.relay.run()


class KeysFeedService:
    """The log over RPC, in a container of its own: the calls of others can never fill its workers."""

    name = feed_service("keys")

    log: LogFeed = Provided("keys.feed")

    @rpc
    def pull(self, after: Any = None, acknowledgement: Any = None) -> Any:
        place = msgspec.convert(after, type=Head | None)
        acknowledged = msgspec.convert(acknowledgement, type=Acknowledgement | None)
        return msgspec.to_builtins(self.log.pull(place, acknowledged))
