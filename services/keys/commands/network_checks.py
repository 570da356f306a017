"""Networks that a key is newly bound to: whether they are its organisation's, which sensors alone knows.

Sensors is asked while nobody waits for the log, and only if a change adds some: what is narrower, or is sent back as it
was shown, needs nobody.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar

from services.keys.lifecycle.key import Access

_Result = TypeVar("_Result")


class UnknownNetworks(Exception):
    """These are not the organisation's, or there are none of these ids."""

    def __init__(self, networks: Collection[str]) -> None:
        self.networks = tuple(sorted(networks))
        super().__init__(f"no such network: {', '.join(self.networks)}")


class NetworksAway(Exception):
    """Sensors does not answer, so nobody knows which networks there are."""


class NetworkDirectory(Protocol):
    def networks_of(self, organisation_id: str) -> Mapping[str, str]:
        """Id → name of each of its networks. Raises NetworksAway."""


class NoDirectory:
    """For a process that binds no key to networks."""

    def networks_of(self, organisation_id: str) -> Mapping[str, str]:
        raise NetworksAway


def check_known(before: Access | None, after: Access | None, known: Collection[str]) -> None:
    """Raises UnknownNetworks for those that the change adds and that are not known. Pure."""
    added = _networks(after).difference(_networks(before), known)
    if added:
        raise UnknownNetworks(added)


def on_known_networks(
    directory: NetworkDirectory, organisation_id: str, execute: Callable[[Collection[str]], _Result]
) -> _Result:
    """What `execute` does with the networks that are known: none, and if it adds some, those of the organisation.

    Raises UnknownNetworks or NetworksAway.
    """
    try:
        return execute(())
    except UnknownNetworks:
        return execute(directory.networks_of(organisation_id).keys())


def _networks(access: Access | None) -> frozenset[str]:
    return frozenset(() if access is None else access.networks or ())
