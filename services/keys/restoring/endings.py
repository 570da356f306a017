"""Endings: what is known to be dead and lives in a log that was put back, and the command that ends it again. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.keys.lifecycle.commands import Command, DeleteKey, RevokeKey, SuspendKey
from services.keys.lifecycle.key import Key, Reason, Status
from shared.contracts.dead import DeadSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDead:
    """Ids of keys, and the digests of all secrets, however they ended."""

    revoked: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    suspended: frozenset[str] = frozenset()
    digests: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def keys(self) -> frozenset[str]:
        return self.revoked | self.deleted | self.suspended


def known_dead(secrets: Iterable[DeadSecret], deleted: Iterable[str]) -> KnownDead:
    """`secrets`: as auth keeps them. `deleted`: ids, as usage keeps them."""
    keys: dict[str, set[str]] = {"revoked": set(), "deleted": set(deleted), "suspended": set()}
    digests = set[str]()
    for secret in secrets:
        digests.add(secret.digest)
        if secret.why in keys:
            keys[secret.why].add(secret.key_id)
    return KnownDead(
        revoked=frozenset(keys["revoked"]),
        deleted=frozenset(keys["deleted"]),
        suspended=frozenset(keys["suspended"]),
        digests=frozenset(digests),
    )


def ending(key: Key, known: KnownDead, now: datetime) -> Command | None:
    """What ends the key as it is known to have ended; None: it has.

    A key whose present secret is known dead, though nothing else is, is suspended: its owner gives it a new secret.
    Also one that was imported with the secret of another, which is gone from the log.
    """
    if key.deleted_at is not None:
        return None
    if key.key_id in known.deleted:
        return DeleteKey()
    if key.revoked_at is not None:
        return None
    if key.key_id in known.revoked:
        return RevokeKey(reason=Reason.UNSPECIFIED, note=None)
    is_known = key.key_id in known.suspended or key.digest in known.digests
    return SuspendKey() if is_known and key.status(now) is Status.ACTIVE else None
