"""Route: a URL path and the resource that answers there."""

from typing import NamedTuple


class Route(NamedTuple):
    path: str
    resource: object
