"""Organisation commands: registration and the tier, for operators; settings, for admin keys."""

import copy
from collections.abc import Callable

from msgspec import UNSET
from sqlalchemy import Connection

from services.keys.commands.checks import Checks
from services.keys.events import OrganisationEvent
from services.keys.events import types as event_types
from services.keys.lifecycle import organisation
from services.keys.views.projection import project_organisation
from shared.contracts.keys import Contract
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository, nothing
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.relay import Doorbell
from shared.runtime.clock import Clock
from shared.values.identifiers import new_id


class OrganisationCommands:
    def __init__(self, store: SqlEventStore, doorbell: Doorbell, clock: Clock, checks: Checks) -> None:
        self._clock, self._checks = clock, checks
        self._organisations: Repository[organisation.Organisation | None, OrganisationEvent, Connection] = Repository(
            store,
            event_types,
            initial=None,
            evolve=organisation.evolve,
            project=project_organisation,
            after_commit=doorbell.ring,
            clock=clock,
        )

    def behind(self, checks: Checks) -> "OrganisationCommands":
        fenced = copy.copy(self)
        fenced._checks = checks
        return fenced

    def register(self, name: str, tier: str, origin: Origin) -> str:
        """The new organisation's id. Raises UnknownTier or NameHoldsKey."""
        command = organisation.RegisterOrganisation(organisation_id=new_id("org"), name=name, tier=tier)
        self._change(command.organisation_id, command, origin)
        return command.organisation_id

    def change_tier(self, organisation_id: str, tier: str, origin: Origin, *, contract: Contract | None = None) -> None:
        """Active keys beyond a lower tier's number stay active; no further key becomes active.

        Raises NoSuchOrganisation, UnknownTier, ContractMissing or ContractNotAsked.
        """
        self._change(organisation_id, organisation.ChangeTier(tier=tier, contract=contract), origin)

    def change_settings(self, organisation_id: str, settings: organisation.ChangeSettings, origin: Origin) -> None:
        """All that they name, or nothing.

        Raises NoSuchOrganisation, RevisionDiffers, LockOut or DefaultBeyondMaximum.
        """
        days = settings.unused_expiry_days
        check = nothing if days is UNSET else lambda tx: self._checks.unused_expiry_set(organisation_id, days, tx)
        self._change(organisation_id, settings, origin, check)

    def _change(
        self,
        organisation_id: str,
        command: organisation.RegisterOrganisation | organisation.ChangeTier | organisation.ChangeSettings,
        origin: Origin,
        check: Callable[[Connection], None] = nothing,
    ) -> None:
        def decide(state: organisation.Organisation | None) -> tuple[OrganisationEvent, ...]:
            if state is not None:
                self._checks.seen.check(state.revision)
            return organisation.decide(state, command, self._clock.now())

        self._organisations.execute(organisation_id, decide, origin, fence=self._checks.before, also=check)
