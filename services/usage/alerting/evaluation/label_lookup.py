"""Label lookup: whether a key carries a label, asked of keys over RPC and cached for a minute.

Labels never leave keys, so usage stores none.
"""

from cachetools import TTLCache

from services.usage.known_keys.keys_client import KeysClient
from shared.contracts.errors import NotFound, Unavailable
from shared.runtime.clock import Clock

REMEMBERED_SECONDS = 60
AWAY_SECONDS = 10  # not asked again for so long: each call that nobody answers would hold up all organisations' alerts
_MEMORY_MAX = 10_000


class LabelLookup:
    """One caller at a time: its cache is not for threads."""

    def __init__(self, keys: KeysClient, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._away_until = float("-inf")
        self._known: TTLCache[str, frozenset[str]] = TTLCache(
            _MEMORY_MAX, REMEMBERED_SECONDS, timer=clock.elapsed_seconds
        )

    def carries(self, organisation_id: str, key_id: str, label: str) -> bool:
        """`label` such as env:prod. True while keys does not answer: better one alert too many than one too few."""
        try:
            return label in self._of(organisation_id, key_id)
        except NotFound:
            return False
        except Unavailable:
            return True

    def _of(self, organisation_id: str, key_id: str) -> frozenset[str]:
        known = self._known.get(key_id)
        if known is not None:
            return known
        if self._clock.elapsed_seconds() < self._away_until:
            raise Unavailable("keys did not answer a moment ago")
        try:
            labels: dict[str, str] = self._keys.get_key(organisation_id, key_id)["labels"]
        except Unavailable:
            self._away_until = self._clock.elapsed_seconds() + AWAY_SECONDS
            raise
        found = frozenset(f"{name}:{value}" for name, value in labels.items())
        self._known[key_id] = found
        return found
