"""The commands as callers give them: fills in what only the edge can make (ids, secrets, seals), then executes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from services.keys import key, organisation, tables
from services.keys.events import KeyEvent, OrganisationEvent
from services.keys.events import types as event_types
from services.keys.projection import project_key, project_organisation
from services.keys.propagation import Propagation, Receipt
from services.keys.secret import Secret, new_secret
from services.keys.words import Words, new_data_key, seal, seal_note
from shared.clock import Clock
from shared.database import Database
from shared.identifiers import new_id
from shared.relay import Doorbell
from shared.repository import Executed, Origin, Repository
from shared.sql_event_store import SqlEventStore

_KEY = "key"
_KEY_PREFIX = f"{_KEY}_"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a caller asks of a new key, already validated."""

    words: Words
    permissions: tuple[str, ...]
    expires_at: datetime | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    minute_limit: int | None = None
    day_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """The secret in here is the only copy there will ever be."""

    key_id: str
    secret: Secret
    receipt: Receipt


class Commands:
    def __init__(
        self, database: Database, store: SqlEventStore, relay: Doorbell, propagation: Propagation, clock: Clock
    ) -> None:
        self._database, self._propagation, self._clock = database, propagation, clock
        self._keys: Repository[key.Key | None, KeyEvent, Connection] = Repository(
            store,
            event_types,
            initial=None,
            evolve=key.evolve,
            project=project_key,
            after_commit=relay.ring,
            clock=clock,
        )
        self._organisations: Repository[organisation.Organisation | None, OrganisationEvent, Connection] = Repository(
            store,
            event_types,
            initial=None,
            evolve=organisation.evolve,
            project=project_organisation,
            after_commit=relay.ring,
            clock=clock,
        )

    def register_organisation(self, name: str, tier: str, origin: Origin) -> str:
        """The new organisation's id. Raises UnknownTier or NameHoldsKey."""
        command = organisation.RegisterOrganisation(organisation_id=new_id("org"), name=name, tier=tier)
        self._organisations.execute(
            command.organisation_id, lambda state: organisation.decide(state, command, self._clock.now()), origin
        )
        return command.organisation_id

    def create(self, organisation_id: str, request: KeyRequest, origin: Origin) -> CreatedKey:
        """Returns once every gate knows the key, or after a second: the receipt says which."""
        secret, data_key = new_secret(), new_data_key()
        command = key.CreateKey(
            key_id=new_id(_KEY),
            organisation_id=organisation_id,
            digest=secret.digest,
            hint=secret.hint,
            words=seal(request.words, data_key),
            permissions=request.permissions,
            expires_at=request.expires_at,
            allow_query=request.allow_query,
            allowed_addresses=request.allowed_addresses,
            minute_limit=request.minute_limit,
            day_limit=request.day_limit,
        )
        executed = self._keys.execute(
            command.key_id,
            lambda state: key.decide(state, command, self._clock.now()),
            origin,
            also=lambda tx: _keep_data_key(tx, command.key_id, data_key),
        )
        receipt = self._propagation.await_known(_position(executed), self._clock.elapsed_seconds())
        return CreatedKey(key_id=command.key_id, secret=secret, receipt=receipt)

    def revoke(
        self, organisation_id: str, key_id: str, reason: key.Reason, note: str | None, origin: Origin
    ) -> Receipt:
        """Returns once no gate will pass the key again. Revoked before: a receipt of how things stand now.

        Raises NoSuchKey, also for another organisation's key.
        """
        if not key_id.startswith(_KEY_PREFIX):
            raise key.NoSuchKey  # organisations have streams in this log, too
        command = key.RevokeKey(reason=reason, note=self._sealed(key_id, note))
        executed = self._keys.execute(
            key_id,
            lambda state: key.decide(_of_organisation(state, organisation_id), command, self._clock.now()),
            origin,
        )
        committed_at = self._clock.elapsed_seconds()
        position = _position(executed) if executed.rows else self._propagation.head_position()
        return self._propagation.await_certain(position, committed_at)

    def _sealed(self, key_id: str, note: str | None) -> str | None:
        if note is None:
            return None
        data_key = tables.data_key
        with self._database.reading() as tx:
            value = tx.execute(select(data_key.c.value).where(data_key.c.key_id == key_id)).scalar_one_or_none()
        return None if value is None else seal_note(note, value)


def _of_organisation(state: key.Key | None, organisation_id: str) -> key.Key | None:
    """Another organisation's key looks as if it did not exist."""
    return state if state is not None and state.organisation_id == organisation_id else None


def _keep_data_key(tx: Connection, key_id: str, data_key: str) -> None:
    tx.execute(insert(tables.data_key).values(key_id=key_id, value=data_key))


def _position(executed: Executed[key.Key | None]) -> int:
    return executed.rows[-1].position
