"""The log of keys, as a process of another service follows it."""

from shared.messaging.rpc.feed import RpcFeed
from shared.replication.feed import Feed
from shared.replication.http_feed import FirstAnswer, HttpFeed
from shared.replication.internal_client import InternalClient
from shared.runtime.clock import Clock
from shared.settings import Settings


def keys_feed(settings: Settings, clock: Clock) -> Feed:
    door = InternalClient(settings.keys_internal_url, settings.internal_token)
    return or_over_rpc(HttpFeed(door, clock, verifier=settings.proof_keys.keys_verifier), settings)


def or_over_rpc(door: HttpFeed, settings: Settings) -> Feed:
    """The log of keys by HTTP, or by RPC where that does not answer."""
    return FirstAnswer((door, RpcFeed(settings.amqp_uri, "keys", settings.proof_keys.keys_verifier, settings.accounts)))
