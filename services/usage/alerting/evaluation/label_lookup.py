"""Whether a key carries a label. Labels are people's words and stay with keys: it is asked, over RPC, when a rule that
names one is met, and the answer is remembered for a minute."""

from datetime import datetime, timedelta

from services.usage.known_keys.keys_client import KeysClient
from shared.contracts.errors import NotFound, Unavailable
from shared.runtime.clock import Clock

REMEMBERED_FOR = timedelta(minutes=1)
_MEMORY_MAX = 10_000


class LabelLookup:
    def __init__(self, keys: KeysClient, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._known: dict[str, tuple[datetime, frozenset[str]]] = {}

    def carries(self, organisation_id: str, key_id: str, label: str) -> bool:
        """`label`: env:prod. While keys does not answer it is so: better an alert too many than one too few."""
        try:
            return label in self._of(organisation_id, key_id)
        except NotFound:
            return False
        except Unavailable:
            return True

    def _of(self, organisation_id: str, key_id: str) -> frozenset[str]:
        now = self._clock.now()
        known = self._known.get(key_id)
        if known is not None and now < known[0] + REMEMBERED_FOR:
            return known[1]
        labels: dict[str, str] = self._keys.get_key(organisation_id, key_id)["labels"]
        found = frozenset(f"{name}:{value}" for name, value in labels.items())
        if len(self._known) >= _MEMORY_MAX:
            self._known.clear()
        self._known[key_id] = (now, found)
        return found
