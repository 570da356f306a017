"""What of the keys service's events others may see: no names, no descriptions, no labels, no notes."""

from typing import assert_never

from services.keys import events
from shared.contracts import keys as public


def publish(event: events.KeyEvent | events.OrganisationEvent) -> public.KeysEvent:
    match event:
        case events.OrganisationRegistered():
            return public.OrganisationRegistered(organisation_id=event.organisation_id, tier=event.tier)
        case events.KeyCreated():
            return public.KeyCreated(
                key_id=event.key_id,
                organisation_id=event.organisation_id,
                digest=event.digest,
                hint=event.hint,
                permissions=event.permissions,
                expires_at=event.expires_at,
                allow_query=event.allow_query,
                allowed_addresses=event.allowed_addresses,
                minute_limit=event.minute_limit,
                day_limit=event.day_limit,
            )
        case events.KeyRevoked():
            return public.KeyRevoked(
                key_id=event.key_id,
                organisation_id=event.organisation_id,
                revoked_at=event.revoked_at,
                reason=event.reason,
            )
        case _:
            assert_never(event)
