"""Commands on networks over RPC, for people at the console and for other back ends: decided as those over HTTP are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec import UNSET

from services.sensors.networks.commands import NetworkCommands, NetworkHasSensors, Terms, TooManyNetworks
from services.sensors.networks.network import ChangeNetwork, NameDiffers, NoSuchNetwork, Settings
from services.sensors.networks.queries import NetworkQueries, NetworkView
from services.sensors.registry.visible import Visible
from shared.contracts.errors import Conflict, InvalidArguments, NotFound
from shared.eventsourcing.origin import Origin
from shared.observability import trace_context
from shared.values.revision import ANY_REVISION, RevisionDiffers, SeenRevisions

_CONSOLE = "keys"
_GIVEN = ("name", "description", "api_access", "accepts_new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """`actor`: whom it is asked for. `account`: whose call it is; None where accounts are not demanded.

    The account of keys speaks for the people at its console, whom it has checked; of another, the log names both.
    """

    actor: str
    account: str | None
    request_id: str | None = None

    @property
    def origin(self) -> Origin:
        traceparent = trace_context.current.get()
        if self.account in (None, _CONSOLE):
            return Origin(actor=self.actor, request_id=self.request_id, traceparent=traceparent)
        return Origin(
            actor=f"rpc:{self.account}",
            on_behalf_of=self.actor,
            request_id=self.request_id,
            traceparent=traceparent,
        )


class RemoteNetworks:
    """Each raises NotFound, also for another organisation's network, or Conflict."""

    def __init__(self, commands: NetworkCommands, queries: NetworkQueries) -> None:
        self._commands, self._queries = commands, queries

    def create(self, organisation_id: str, network_id: str, wanted: ChangeNetwork, asker: Asker) -> NetworkView:
        """Once for an id, which the caller chose: so it may ask again where the answer was lost.

        Raises InvalidArguments, too, for one that has no name, or is archived.
        """
        if not isinstance(wanted.name, str) or wanted.archived is True:
            raise InvalidArguments("settings: a new network has a name, and is not archived")
        given = {name: value for name in _GIVEN if (value := getattr(wanted, name)) is not UNSET}
        with _as_wire_errors():
            self._commands.create(organisation_id, Settings(**given), asker.origin, network_id=network_id)
            return self._queries.get_network(Visible(organisation_id=organisation_id), network_id)

    def change(
        self, organisation_id: str, network_id: str, change: ChangeNetwork, revision: int | None, asker: Asker
    ) -> NetworkView:
        """`revision`: that which the change is based on; None: whatever it is."""
        visible = Visible(organisation_id=organisation_id)
        seen = ANY_REVISION if revision is None else SeenRevisions(frozenset({revision}))
        with _as_wire_errors():
            self._commands.change(visible, network_id, change, asker.origin, Terms(seen=seen))
            return self._queries.get_network(visible, network_id)

    def delete(self, organisation_id: str, network_id: str, name: str, asker: Asker) -> None:
        """`name`: as it was typed."""
        with _as_wire_errors():
            self._commands.delete(Visible(organisation_id=organisation_id), network_id, name, asker.origin)


@contextmanager
def _as_wire_errors() -> Iterator[None]:
    try:
        yield
    except NoSuchNetwork as refusal:
        raise NotFound(str(refusal)) from None
    except (NameDiffers, NetworkHasSensors, RevisionDiffers, TooManyNetworks) as refusal:
        raise Conflict(str(refusal)) from None
