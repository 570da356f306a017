"""Many keys at once, straight into auth's table, as if their log had been followed: a gate that starts gets them."""

import secrets
from collections.abc import Iterator

import msgspec
import psycopg

from services.keys.secret import new_secret
from shared.gate.grants.grant import Grant

PERMISSIONS = frozenset({"events:read"})


def add_grants(database_url: str, organisation_id: str, tier: str, keys: int, *, used: int | None = None) -> list[str]:
    """The secrets of those that will be `used`: all of them, unless it is said. Nobody knows those of the rest."""
    known: list[str] = []
    with psycopg.connect(database_url.replace("postgresql+psycopg:", "postgresql:", 1)) as connection:
        connection.execute(
            "INSERT INTO organisation_tier (organisation_id, tier) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (organisation_id, tier),
        )
        cursor = connection.cursor()
        with cursor.copy('COPY "grant" (key_id, digest, body) FROM STDIN') as copy:
            for grant in _grants(organisation_id, keys, keys if used is None else used, known):
                copy.write_row((grant.key_id, grant.digest, msgspec.json.encode(grant, order="deterministic").decode()))
        # As it would be after a while in use.
        connection.execute('ANALYZE "grant"')
    return known


def _grants(organisation_id: str, keys: int, used: int, known: list[str]) -> Iterator[Grant]:
    for number in range(keys):
        if number < used:
            secret = new_secret()
            known.append(secret.value)
            digest, hint = secret.digest, secret.hint
        else:
            digest, hint = secrets.token_hex(32), "grl_0000…0000"
        yield Grant(
            key_id=f"key_{secrets.token_hex(11)}",
            organisation_id=organisation_id,
            digest=digest,
            hint=hint,
            permissions=PERMISSIONS,
        )
