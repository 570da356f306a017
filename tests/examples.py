"""Canonical examples that tests share. Keep it small: add, and change nothing that is here."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.keys import events
from services.keys.lifecycle.commands import CreateKey
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.origin import Origin
from shared.gate.authentication.credential import BODY_CHARACTERS, PREFIX, digest_of, with_checksum

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAPS = tuple(sign * timedelta(hours=hours) for hours in (1, 3 * 24, 100 * 24) for sign in (1, -1))
"""By which somebody sets a clock."""

ORGANISATION_ID = "org_2aUyqjCzEIiEcYMKj7TZtw"
KEY_ID = "key_5Gf9QeVT1rPbnXcsLwa4yM"
ORIGIN = Origin(actor="key_0admin0admin0admin0adm", request_id="req_7vLw0Hn3Zk")

SECRET = with_checksum(PREFIX + "7" * BODY_CHARACTERS)
DIGEST = digest_of(SECRET)
HINT = f"{SECRET[:8]}…{SECRET[-4:]}"


def create_key(**changes: Any) -> CreateKey:
    command = CreateKey(
        key_id=KEY_ID,
        organisation_id=ORGANISATION_ID,
        digest=DIGEST,
        hint=HINT,
        words="sealed words",
        permissions=("sensors:read",),
        expires_at=NOON + timedelta(days=90),
        allow_query=True,
        allowed_addresses=("192.0.2.0/24",),
        minute_limit=30,
        day_limit=None,
    )
    return replace(command, **changes)


def key_created(**changes: Any) -> events.KeyCreated:
    command = create_key()
    names = [field.name for field in fields(command) if field.name != "lifetimes"]
    values = {name: getattr(command, name) for name in names} | {"created_at": NOON}
    return events.KeyCreated(**values | changes)


def key_revoked(**changes: Any) -> events.KeyRevoked:
    event = events.KeyRevoked(
        key_id=KEY_ID,
        organisation_id=ORGANISATION_ID,
        revoked_at=NOON + timedelta(hours=1),
        reason="key-compromise",
        note="sealed note",
    )
    return replace(event, **changes)


def organisation_registered(**changes: Any) -> events.OrganisationRegistered:
    event = events.OrganisationRegistered(
        organisation_id=ORGANISATION_ID, name="Protezione civile", tier="standard", registered_at=NOON
    )
    return replace(event, **changes)


class NoBus:
    """Confirms whatever a relay gives it, and carries it nowhere."""

    def publish(self, events: Sequence[CloudEvent]) -> int:
        return len(events)
