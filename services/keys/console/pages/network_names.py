"""Names of an organisation's networks, which forms and details show; asked of sensors, and kept for some seconds."""

from collections.abc import Mapping

from services.keys.commands.network_checks import NetworkDirectory, NetworksAway, UnknownNetworks
from services.keys.lifecycle.decision import AdminOfNetworks
from shared.runtime.clock import Clock

NETWORKS_REFUSED = (AdminOfNetworks, UnknownNetworks, NetworksAway)
KEPT_SECONDS = 10.0
_ORGANISATIONS_MAX = 1000


class NetworkNames:
    def __init__(self, directory: NetworkDirectory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._kept: dict[str, tuple[float, Mapping[str, str] | None]] = {}

    def of(self, organisation_id: str) -> Mapping[str, str] | None:
        """Id → name; None: sensors does not answer. That, too, is kept: a page in a row waits for it once."""
        now, kept = self._clock.elapsed_seconds(), self._kept.get(organisation_id)
        if kept is not None and now < kept[0] + KEPT_SECONDS:
            return kept[1]
        try:
            names: Mapping[str, str] | None = self._directory.networks_of(organisation_id)
        except NetworksAway:
            names = None
        if len(self._kept) >= _ORGANISATIONS_MAX:
            self._kept.clear()
        self._kept[organisation_id] = self._clock.elapsed_seconds(), names
        return names

    def forget(self, organisation_id: str) -> None:
        """To call when its networks have changed."""
        self._kept.pop(organisation_id, None)
