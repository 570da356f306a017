"""Routes of the resources that renew, pause and end keys. Each answers with the receipt of its change."""

from services.keys.commands.command_handler import CommandHandler
from services.keys.http.lifecycle.bulk_revocation import KeysRevocation
from services.keys.http.lifecycle.revocation import KeyRevocation, OwnKeyRevocation
from services.keys.http.lifecycle.rotation import KeyRotation, OwnKeyRotation
from services.keys.http.lifecycle.suspension import KeyResumption, KeySuspension
from services.keys.http.representation import KeyRepresentation
from services.keys.views.queries import KeyQueries
from shared.runtime.clock import Clock
from shared.web.route import Route


def routes(commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation, clock: Clock) -> list[Route]:
    return [
        Route("/v1/keys/revoke", KeysRevocation(commands, queries, clock)),
        Route("/v1/keys/self/revoke", OwnKeyRevocation(commands, queries, show, clock)),
        Route("/v1/keys/self/rotate", OwnKeyRotation(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/rotate", KeyRotation(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/suspend", KeySuspension(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/resume", KeyResumption(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/revoke", KeyRevocation(commands, queries, show, clock)),
    ]
