"""Events of the catalogue, as stored in the log for ever: add fields and types, never change them."""

from dataclasses import dataclass
from datetime import datetime

from services.sensors.catalogue.solution import Solution
from services.sensors.registry.events import types


@types.register("CatalogueEventAdded")
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventAdded:
    """`source`: whose catalogue; `public_id`: its name for the event, a QuakeML identifier. `said_at`: by the source.

    `network_id`: the network that it belongs to; None: the organisation as a whole.
    """

    event_id: str
    organisation_id: str
    source: str
    public_id: str
    network_id: str | None
    solution: Solution
    said_at: datetime | None
    added_at: datetime


@types.register("CatalogueEventRevised")
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventRevised:
    """Its source says otherwise now, or it belongs to another network. One that was withdrawn is there again."""

    event_id: str
    organisation_id: str
    network_id: str | None
    solution: Solution
    said_at: datetime | None
    revised_at: datetime


@types.register("CatalogueEventWithdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEventWithdrawn:
    """Its source says that it did not happen."""

    event_id: str
    organisation_id: str
    said_at: datetime | None
    withdrawn_at: datetime


CatalogueEvent = CatalogueEventAdded | CatalogueEventRevised | CatalogueEventWithdrawn
