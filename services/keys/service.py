"""The keys service for messages: what others may ask, what it hears, and what it does by the clock."""

from typing import Any

import msgspec
from nameko.rpc import rpc
from nameko.timer import timer

from services.keys.last_use import LastUse
from services.keys.queries import Queries
from shared.contracts.usage import KeyUsed
from shared.event_store import Head
from shared.feed import LogFeed
from shared.messaging.entrypoints import Provided, hears
from shared.relay import Relay

RELAY_SECONDS = 1


class KeysService:
    name = "keys"

    queries: Queries = Provided("keys.queries")
    feed_of_keys: LogFeed = Provided("keys.feed")
    relay: Relay = Provided("keys.relay")
    last_use: LastUse = Provided("keys.last_use")

    @rpc
    def get_key(self, organisation_id: str, key_id: str) -> Any:
        return msgspec.to_builtins(self.queries.get_key(organisation_id, key_id))

    @rpc
    def feed(self, after: Any = None) -> Any:
        place = None if after is None else msgspec.convert(after, type=Head)
        return msgspec.to_builtins(self.feed_of_keys.pull(place))

    @hears("keys", "usage", "KeyUsed")
    def key_used(self, body: Any) -> None:
        self.last_use.record(msgspec.convert(body, type=KeyUsed).last_used)

    @timer(interval=RELAY_SECONDS)
    def relay_what_is_left(self) -> None:
        self.relay.run()
