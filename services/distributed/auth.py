"""Auth, as it runs apart."""

from services.auth import assembly
from services.distributed.feed_of_keys import keys_feed
from services.service_registry import Part
from shared.replication.heads.head_keeper import remote_head
from shared.replication.internal_client import InternalClient
from shared.runtime.clock import Clock
from shared.settings import Settings
from shared.sql.database import Database


def assemble(settings: Settings, clock: Clock) -> Part:
    proof = settings.proof_keys
    return assembly.assemble(
        Database(settings.database_url),
        keys_feed(settings, clock),
        clock,
        keys_verifier=proof.keys_verifier,
        signer=proof.auth_signer,
        sensors_head=remote_head(InternalClient(settings.sensors_internal_url, settings.internal_token)),
        sensors_verifier=proof.sensors_verifier,
    )
