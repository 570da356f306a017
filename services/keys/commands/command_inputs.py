"""Inputs and results of the commands: what a caller asks of a key, and the secret and receipt it gets back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.keys.encryption.description import Description, seal, unseal
from services.keys.lifecycle.commands import NewSecret
from services.keys.lifecycle.key import Access, Key
from services.keys.revocation.propagation import Receipt
from services.keys.secret import Secret
from services.keys.views.queries import KeyView


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEdit:
    """What a caller asks to be changed. `description`, `access`: from the present value to the new one.

    None: stays as it is.
    """

    description: Callable[[Description], Description] | None = None
    permissions: tuple[str, ...] | None = None
    access: Callable[[Access], Access] | None = None
    regenerate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """`secret`: the only copy there will ever be. `key`: as it was made."""

    key: KeyView
    secret: Secret
    receipt: Receipt

    @property
    def key_id(self) -> str:
        return self.key.id


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKeys:
    """`made`: each as it was made, and its secret, in the order of the requests; the secrets are the only copies.

    None: another system has it.
    """

    made: tuple[tuple[KeyView, Secret | None], ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedKey:
    """`secret`: the new one, if one was made. `receipt`: None when only the description changed: gates hold none."""

    secret: Secret | None
    receipt: Receipt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKey:
    secret: Secret
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeQuery:
    """Since when what the revoked keys made counts; None: for a day. `revoke`: end what they made with them."""

    since: datetime | None = None
    revoke: bool = False


MADE_IN_A_DAY = MadeQuery()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The keys that revoked ones made or renewed, and those in turn. `is_complete`: there are no more than these.

    `renewed`: those of them that others made and that are not revoked, for their owners to rotate.
    """

    ids: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    receipt: Receipt
    made: Made


def public_part(secret: Secret) -> NewSecret:
    """What of a secret may go further than the edge."""
    return NewSecret(digest=secret.digest, hint=secret.hint)


def seal_edited_description(state: Key, edit: KeyEdit, data_key: str) -> str | None:
    """Sealed under the key's data key. None when the edit leaves the description as it is."""
    if edit.description is None:
        return None
    before = unseal(state.words, data_key)
    after = edit.description(before)
    return None if after == before else seal(after, data_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest(Access):
    """A new key as a caller asks for it, already validated.

    `never_expires`: the caller says so; otherwise, without `expires_at`, its organisation may say when it does.
    """

    description: Description
    permissions: tuple[str, ...]
    never_expires: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest(KeyRequest):
    """A key that another system made. `digest`: SHA-256 of its secret, which has a form that the operator lets in."""

    digest: str
