"""Command handler: makes what only the edge can make (ids, secrets, encrypted texts), then decides and appends.

A command that takes power away returns with a receipt that no gate still acts on the earlier state. One that gives
power waits a second at most, so that a new secret usually works on every gate when the answer arrives.
"""

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.keys.commands.checks import AnyFence, Checks
from services.keys.commands.command_inputs import (
    MADE_IN_A_DAY,
    CreatedKey,
    CreatedKeys,
    EditedKey,
    KeyEdit,
    KeyRequest,
    MadeQuery,
    Revocation,
    RotatedKey,
    public_part,
    seal_edited_description,
)
from services.keys.commands.creation import Creation, KeysRefused
from services.keys.commands.network_checks import NetworkDirectory, check_known, on_known_networks
from services.keys.commands.organisation_commands import OrganisationCommands
from services.keys.commands.revoker import Revoker
from services.keys.encryption.data_keys import DataKeys
from services.keys.events import ENDINGS, KeyEvent
from services.keys.events import types as event_types
from services.keys.lifecycle import commands, decision, key
from services.keys.revocation.propagation import Receipt
from services.keys.revocation.receipts import Receipts
from services.keys.secret import new_secret
from services.keys.views.known_digests import KnownDigests
from services.keys.views.projection import project_key
from shared.eventsourcing.decision import Executed
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.relay import Doorbell
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.idempotency_table import Keep
from shared.values.revision import ANY_REVISION, SeenRevisions

_Executed = Executed[key.Key | None]


class CommandHandler:
    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        doorbell: Doorbell,
        receipts: Receipts,
        clock: Clock,
        networks: NetworkDirectory,
    ) -> None:
        self._database, self._clock, self.receipts = database, clock, receipts
        self._networks = networks
        self._data_keys = DataKeys(database)
        self._checks = Checks(clock)
        self.keys: Repository[key.Key | None, KeyEvent, Connection] = Repository(
            store,
            event_types,
            initial=None,
            evolve=key.evolve,
            project=project_key,
            after_commit=doorbell.ring,
            clock=clock,
            is_urgent=lambda event: isinstance(event, ENDINGS),
        )
        self.organisations = OrganisationCommands(store, doorbell, clock, self._checks)
        self._creation = Creation(self.keys, receipts, networks, clock, KnownDigests(database))
        self.revoker = Revoker(database, self.keys, self.receipts, clock.now)

    def behind(self, fence: AnyFence, seen: SeenRevisions = ANY_REVISION, keep: Keep | None = None) -> "CommandHandler":
        """The same commands, asked for by a key or a person, and not by an operator, a clock or another back end.

        Each raises Fenced, or of a person SessionFenced, if who asks lost that power meanwhile, BeyondOwnBounds if a
        key would mint more than itself, or LockOut if somebody would be locked out unasked; and, if what it changes has
        none of the revisions `seen`, RevisionDiffers. `keep` is called in its transaction, with the id of what it
        changes.
        """
        asked = copy.copy(self)
        asked._checks = Checks(self._clock, fence, seen, keep)
        asked.organisations = self.organisations.behind(asked._checks)
        return asked

    @contextmanager
    def fence_first(self) -> Iterator[None]:
        """For what is refused before a command: a caller that lost its power meanwhile is told that. Raises Fenced."""
        try:
            yield
        except Exception:
            with self._database.reading(once=True) as tx:
                self._checks.before(tx)
            raise

    def create(
        self,
        organisation_id: str,
        request: KeyRequest,
        origin: Origin,
        *,
        beyond_limit: bool = False,
    ) -> CreatedKey:
        """Returns once every gate knows the key, or after a second: the receipt says which.

        `beyond_limit`: for operators, without the tier's limit of active keys and the organisation's of lifetimes.
        Raises TooManyKeys, BeyondLifetime, BeyondOwnBounds, AdminOfNetworks, UnknownNetworks, NetworksAway or
        ClockInDoubt.
        """
        try:
            created = self.create_all(organisation_id, (request,), origin, beyond_limit=beyond_limit)
        except KeysRefused as refused:
            raise refused.refusals[0] from None
        ((made, secret),) = created.made
        assert secret is not None  # noqa: S101  it was made here
        return CreatedKey(key=made, secret=secret, receipt=created.receipt)

    def create_all(
        self, organisation_id: str, requests: Sequence[KeyRequest], origin: Origin, *, beyond_limit: bool = False
    ) -> CreatedKeys:
        """All of them in one append with one receipt, or none. As `create`, but KeysRefused for what one alone is."""
        with self.fence_first():
            drafts = self._creation.drafted(organisation_id, requests)
        return self._creation.make(drafts, origin, self._checks, beyond_limit=beyond_limit)

    def edit(self, organisation_id: str, key_id: str, edit: KeyEdit, origin: Origin) -> EditedKey:
        """Changes all that the edit names, or nothing.

        Raises NoSuchKey, TooManyKeys, UnknownNetworks, NetworksAway, ClockInDoubt and what `decide` raises.
        """
        secret = new_secret() if edit.regenerate else None
        data_key = self._data_keys.get(key_id)

        def command(state: key.Key, networks: Collection[str]) -> commands.EditKey:
            if data_key is None:
                raise key.NoSuchKey
            access = edit.access and edit.access(state.access)
            check_known(state.access, access, networks)
            return commands.EditKey(
                words=seal_edited_description(state, edit, data_key),
                permissions=edit.permissions,
                access=access,
                secret=public_part(secret) if secret else None,
            )

        def execute(networks: Collection[str]) -> _Executed:
            return self._execute(organisation_id, key_id, lambda state: command(state, networks), origin)

        executed = on_known_networks(self._networks, organisation_id, execute)
        is_description_only = edit.permissions is None and edit.access is None and secret is None
        return EditedKey(secret=secret, receipt=None if is_description_only else self.receipts.certain(executed))

    def rotate(
        self, organisation_id: str, key_id: str, grace: timedelta, origin: Origin, *, instead: bool = False
    ) -> RotatedKey:
        """A new secret; the old one works until `grace` ends.

        `instead`: it takes the newest one's place, which ends; the one before keeps its grace. `grace` is 0 then.
        Raises NoSuchKey, KeyIsRevoked, KeyHasExpired, TooManyKeys or ClockInDoubt.
        """
        secret = new_secret()
        command = _always(commands.RotateKey(secret=public_part(secret), grace=grace, instead=instead))
        executed = self._execute(organisation_id, key_id, command, origin)
        return RotatedKey(secret=secret, receipt=(self.receipts.known if grace else self.receipts.certain)(executed))

    def suspend(self, organisation_id: str, key_id: str, origin: Origin) -> Receipt:
        """Returns once no gate accepts the key. Raises NoSuchKey or KeyIsRevoked."""
        return self.receipts.certain(self._execute(organisation_id, key_id, _always(commands.SuspendKey()), origin))

    def resume(self, organisation_id: str, key_id: str, origin: Origin) -> Receipt:
        """Raises NoSuchKey, KeyIsRevoked or TooManyKeys."""
        return self.receipts.known(self._execute(organisation_id, key_id, _always(commands.ResumeKey()), origin))

    def revoke(
        self,
        organisation_id: str,
        key_id: str,
        reason: key.Reason,
        note: str | None,
        origin: Origin,
        made: MadeQuery = MADE_IN_A_DAY,
    ) -> Revocation:
        """Returns once no gate will accept the key again. Revoked before: a receipt of the log's present head.

        Raises NoSuchKey, also for another organisation's key.
        """
        notes = {key_id: self._data_keys.sealed_note(key_id, note)}
        return self.revoker.revoke(organisation_id, notes, reason, made, origin, self._checks)

    def revoke_all(
        self,
        organisation_id: str,
        key_ids: tuple[str, ...],
        reason: key.Reason,
        note: str | None,
        origin: Origin,
        made: MadeQuery = MADE_IN_A_DAY,
    ) -> Revocation:
        """Revokes all of them, and what they made if asked to, or none, in one append with one receipt.

        Raises NoSuchKey.
        """
        notes = {key_id: self._data_keys.sealed_note(key_id, note) for key_id in key_ids}
        return self.revoker.revoke(organisation_id, notes, reason, made, origin, self._checks, skips_deleted=True)

    def delete(self, organisation_id: str, key_id: str, origin: Origin) -> tuple[datetime, Receipt]:
        """The time of deletion, once no gate accepts the key and its description is unreadable. Raises NoSuchKey."""
        executed = self._execute(organisation_id, key_id, _always(commands.DeleteKey()), origin)
        receipt = self.receipts.certain(executed)
        self._database.forget()
        if executed.state is None or (deleted_at := executed.state.deleted_at) is None:
            raise key.NoSuchKey
        return deleted_at, receipt

    def _execute(
        self, organisation_id: str, key_id: str, command: Callable[[key.Key], commands.Command], origin: Origin
    ) -> _Executed:
        def decide(state: key.Key | None) -> tuple[KeyEvent, ...]:
            state = key.own(state, organisation_id)
            if state.deleted_at is None:
                self._checks.seen.check(state.revision)
            return decision.decide(state, command(state), self._clock.now())

        checks = self._checks
        return self.keys.execute(
            key_id, decide, origin, fence=checks.before, also=checks.kept(key_id), check=checks.changed
        )


def _always(command: commands.Command) -> Callable[[key.Key], commands.Command]:
    return lambda _: command
