"""Commands on a key: the frozen values that `decide` takes. They hold digests and encrypted texts, never a secret."""

from dataclasses import dataclass
from datetime import timedelta

from services.keys.lifecycle.key import Access, Reason
from services.keys.lifecycle.lifetimes import Lifetimes


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey(Access):
    """`digest`, `hint` and the encrypted `words` are made at the edge; the secret itself never comes here.

    `lifetimes`: those that say when it expires, in place of `expires_at`; None: the caller has said it.
    """

    key_id: str
    organisation_id: str
    digest: str
    hint: str
    words: str
    permissions: tuple[str, ...]
    lifetimes: Lifetimes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    digest: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditKey:
    """None: stays as it is. `secret`: a new one, which ends all others."""

    words: str | None = None
    permissions: tuple[str, ...] | None = None
    access: Access | None = None
    secret: NewSecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKey:
    """`instead`: the new secret takes the newest one's place, and the one before keeps its grace. Then `grace` is 0."""

    secret: NewSecret
    grace: timedelta
    instead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendKey:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeKey:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    reason: Reason
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteKey:
    """Revokes the key first, unless it is revoked."""


Command = CreateKey | EditKey | RotateKey | SuspendKey | ResumeKey | RevokeKey | DeleteKey
