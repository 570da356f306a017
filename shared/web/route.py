"""Route: a URL path and the resource that answers there; on the internal door also who may ask it."""

from typing import NamedTuple


class Route(NamedTuple):
    path: str
    resource: object


class InternalRoute(NamedTuple):
    """`callers`: the accounts that may ask it, by names of shared/values/accounts.py."""

    path: str
    resource: object
    callers: frozenset[str]
