"""What of the sensors a caller may see. Every query made for a caller takes it, so that none forgets to ask."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from services.sensors import tables
from shared.gate.grants.grant import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """The sensors of one organisation."""

    organisation_id: str

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query, which reads table `sensor`, for the visible ones alone."""
        return query.where(tables.sensor.c.organisation_id == self.organisation_id)


def visible_to(grant: Grant) -> Visible:
    """What the key that makes a request may see."""
    return Visible(organisation_id=grant.organisation_id)
