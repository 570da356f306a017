"""What auth and usage know of keys that ended, whatever a log says later; asked by keys at their internal doors."""

from dataclasses import dataclass
from datetime import datetime

import msgspec


class DeadSecret(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`why`: rotated, expired, suspended, revoked or deleted; the last two are facts of the key with all its secrets.

    `digest`: SHA-256 of the secret. `at`: since when; of a rotated one in its grace, that grace's end. `hint`: None
    where it is not known any more: a deleted key's are forgotten.
    """

    digest: str
    key_id: str
    organisation_id: str
    hint: str | None
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadSecrets:
    """A page, by digest. `next`: its last digest; None: no page follows."""

    secrets: tuple[DeadSecret, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedKey:
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedKeys:
    """A page, by id. `next`: its last id; None: no page follows."""

    keys: tuple[DeletedKey, ...]
    next: str | None
