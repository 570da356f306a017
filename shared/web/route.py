"""Where a resource stands."""

from typing import NamedTuple


class Route(NamedTuple):
    path: str
    resource: object
