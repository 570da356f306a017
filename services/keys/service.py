"""The keys service for messages: what others may ask, what it hears, and what it does by the clock."""

from typing import Any

import msgspec
import structlog
from nameko.rpc import rpc
from nameko.timer import timer

from services.keys.last_use import LastUse
from services.keys.queries import Queries
from services.keys.remote import RemoteCommands
from services.keys.sweep import Sweep
from shared.contracts.usage import KeyUsed
from shared.event_store import Head
from shared.feed import Acknowledgement, LogFeed
from shared.messaging.entrypoints import Provided, hears
from shared.messaging.rpc_feed import feed_service
from shared.relay import Relay

RELAY_SECONDS = 1
SWEEP_SECONDS = 5
_log = structlog.get_logger(__name__)


class KeysService:
    name = "keys"

    queries: Queries = Provided("keys.queries")
    relay: Relay = Provided("keys.relay")
    last_use: LastUse = Provided("keys.last_use")
    sweep: Sweep = Provided("keys.sweep")
    commands: RemoteCommands = Provided("keys.remote_commands")

    @rpc
    def get_key(self, organisation_id: str, key_id: str) -> Any:
        return msgspec.to_builtins(self.queries.get_key(organisation_id, key_id))

    @rpc
    def suspend_key(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return self.commands.suspend(organisation_id, key_id, actor)

    @rpc
    def resume_key(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return self.commands.resume(organisation_id, key_id, actor)

    @rpc
    def revoke_key(
        self, organisation_id: str, key_id: str, actor: str, reason: str = "unspecified", note: str | None = None
    ) -> Any:
        return self.commands.revoke(organisation_id, key_id, actor, reason, note)

    @rpc
    def delete_key(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return self.commands.delete(organisation_id, key_id, actor)

    @hears("keys", "usage", "KeyUsed")
    def key_used(self, body: Any) -> None:
        self.last_use.record(msgspec.convert(body, type=KeyUsed).last_used)

    @timer(interval=RELAY_SECONDS)
    def relay_what_is_left(self) -> None:
        self.relay.run()

    @timer(interval=SWEEP_SECONDS)
    def expire_and_warn(self) -> None:
        try:
            self.sweep.run()
        except Exception:
            # A raising timer would stop the whole container; the next one tries again.
            _log.exception("sweep_failed")


class KeysFeedService:
    """The log over RPC, in a container of its own: the calls of others can never fill its workers."""

    name = feed_service("keys")

    log: LogFeed = Provided("keys.feed")

    @rpc
    def pull(self, after: Any = None, acknowledgement: Any = None) -> Any:
        place = msgspec.convert(after, type=Head | None)
        acknowledged = msgspec.convert(acknowledgement, type=Acknowledgement | None)
        return msgspec.to_builtins(self.log.pull(place, acknowledged))
