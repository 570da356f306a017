"""Commands on networks: each is decided while the log is locked, and its caller judged once more there.

A sensor joins a network, and a network without sensors is deleted, by the same log: of the two that race, the second
sees the first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from services.sensors import tables
from services.sensors.networks import network
from services.sensors.networks.events import NetworkEvent
from services.sensors.networks.network import (
    ChangeNetwork,
    CreateNetwork,
    DeleteNetwork,
    Network,
    NetworkCommand,
    NoSuchNetwork,
    Settings,
)
from services.sensors.networks.projection import project
from services.sensors.networks.queries import NETWORKS_MAX, TAKES_SENSORS, named
from services.sensors.registry.events import types
from services.sensors.registry.visible import Visible
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository, no_check, nothing
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.sql.idempotency_table import Keep
from shared.values.identifiers import new_id
from shared.values.revision import ANY_REVISION, SeenRevisions

FIRST_NAME = "Main network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a change is asked for on. `fence`: raises when its caller may no longer, where the change is committed.

    `seen`: the revisions that it is based on. `keep`: to call in its transaction, with the network's id.
    """

    fence: Callable[[Connection], None] = nothing
    seen: SeenRevisions = ANY_REVISION
    keep: Keep | None = None


UNCONDITIONAL = Terms()


class TooManyNetworks(Exception):
    def __init__(self) -> None:
        super().__init__(f"the organisation has {NETWORKS_MAX:,} networks, the most it may have: delete one first")


class NetworkHasSensors(Exception):
    def __init__(self, sensors: int) -> None:
        self.sensors = sensors
        super().__init__(f"{sensors:,} sensors belong to this network: move or delete them first")


class TakesNoSensors(Exception):
    """The network is archived, or does not accept new sensors."""

    def __init__(self, network_id: str) -> None:
        super().__init__(f"{network_id} takes no new sensors: name another network, or let this one accept new ones")


class NoNetworkTakesSensors(Exception):
    def __init__(self) -> None:
        super().__init__("no network of the organisation takes new sensors: name one, or let one accept new ones")


class NetworkCommands:
    def __init__(self, store: SqlEventStore, clock: Clock, after_commit: Callable[[], None] = lambda: None) -> None:
        self._store, self._clock = store, clock
        self._networks: Repository[Network | None, NetworkEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=network.evolve,
            project=project,
            after_commit=after_commit,
            clock=clock,
        )

    def create(
        self,
        organisation_id: str,
        settings: Settings,
        origin: Origin,
        terms: Terms = UNCONDITIONAL,
        *,
        network_id: str | None = None,
    ) -> str:
        """The new network's id. Raises NeverOff or TooManyNetworks.

        `network_id`: chosen by the caller; where there is, or ever was, a network of that id, nothing is done.
        """
        network_id = network_id or new_id("net")

        def below_the_most(tx: Connection) -> tuple[str, ...]:
            known = tx.execute(named(organisation_id).limit(NETWORKS_MAX)).scalars().all()
            if len(known) == NETWORKS_MAX and network_id not in known:
                raise TooManyNetworks
            return (network_id,)

        command = CreateNetwork(network_id=network_id, organisation_id=organisation_id, settings=settings)
        self._execute(below_the_most, command, origin, terms, network_id)
        return network_id

    def change(
        self, visible: Visible, network_id: str, change: ChangeNetwork, origin: Origin, terms: Terms = UNCONDITIONAL
    ) -> None:
        """Raises NoSuchNetwork, NeverOff or RevisionDiffers."""
        self._execute(lambda tx: find_network(tx, visible, network_id), change, origin, terms, network_id)

    def delete(
        self, visible: Visible, network_id: str, name: str, origin: Origin, terms: Terms = UNCONDITIONAL
    ) -> None:
        """`name`: as it was typed. Raises NoSuchNetwork, NameDiffers, NetworkHasSensors or RevisionDiffers."""

        def is_empty(_before: object, _after: object, tx: Connection) -> None:
            members = select(func.count()).where(tables.sensor.c.network_id == network_id)
            if sensors := tx.execute(members).scalar_one():
                raise NetworkHasSensors(sensors)

        command = DeleteNetwork(name=name)
        self._execute(lambda tx: find_network(tx, visible, network_id), command, origin, terms, network_id, is_empty)

    def for_new_sensors(self, organisation_id: str, origin: Origin) -> str:
        """The network that sensors join for which none is named: the oldest that takes them, made if there is none.

        Raises NoNetworkTakesSensors.
        """
        self.for_old_sensors(organisation_id, origin)
        with self._store.reading(once=True) as tx:
            found = tx.execute(named(organisation_id).where(TAKES_SENSORS).limit(1)).scalars().first()
        if found is None:
            raise NoNetworkTakesSensors
        return str(found)

    def for_old_sensors(self, organisation_id: str, origin: Origin) -> str:
        """The oldest network, whether or not it takes new sensors; made if there is none."""
        oldest = named(organisation_id).limit(1)
        with self._store.reading(once=True) as tx:
            found = tx.execute(oldest).scalars().first()
        if found is not None:
            return str(found)
        network_id = new_id("net")

        def unless_there_is_one(tx: Connection) -> tuple[str, ...]:
            return () if tx.execute(oldest).first() is not None else (network_id,)

        command = CreateNetwork(
            network_id=network_id, organisation_id=organisation_id, settings=Settings(name=FIRST_NAME)
        )
        self._execute(unless_there_is_one, command, origin, UNCONDITIONAL, network_id)
        with self._store.reading(once=True) as tx:
            return str(tx.execute(oldest).scalars().one())

    def _execute(
        self,
        choose: Callable[[Connection], tuple[str, ...]],
        command: NetworkCommand,
        origin: Origin,
        terms: Terms,
        network_id: str,
        check: Callable[[object, object, Connection], None] = no_check,
    ) -> None:
        now, keep = self._clock.now(), terms.keep

        def decided(state: Network | None) -> tuple[NetworkEvent, ...]:
            if state is not None:
                terms.seen.check(state.revision)
            return network.decide(state, command, now)

        self._networks.execute_locked(
            choose,
            decided,
            origin,
            fence=terms.fence,
            also=nothing if keep is None else lambda tx: keep(tx, network_id),
            check=check,
        )


def check_takes_sensors(tx: Connection, organisation_id: str, network_id: str) -> None:
    """To call where a sensor joins the network. Raises NoSuchNetwork or TakesNoSensors."""
    table = tables.network
    known = select(TAKES_SENSORS).where(table.c.id == network_id, table.c.organisation_id == organisation_id)
    takes = tx.execute(known).scalar_one_or_none()
    if takes is None:
        raise NoSuchNetwork
    if not takes:
        raise TakesNoSensors(network_id)


def find_network(tx: Connection, visible: Visible, network_id: str) -> tuple[str, ...]:
    """The network's stream, if it is visible. Raises NoSuchNetwork."""
    query = visible.of_networks(select(tables.network.c.id).where(tables.network.c.id == network_id))
    if tx.execute(query).first() is None:
        raise NoSuchNetwork
    return (network_id,)
