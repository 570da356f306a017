"""The secret before the newest, while its grace runs: whether it is still used, when last, and from where."""

from dataclasses import dataclass
from datetime import datetime

from services.keys.console.pages.asked_usage import AskedUsage
from services.keys.console.pages.key_usage import Request, Wanted
from services.keys.views.queries import KeyView

_REQUESTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSecret:
    """`requests`: its latest, the newest first; None: usage did not answer."""

    hint: str
    until: datetime
    last_used_at: datetime | None
    requests: tuple[Request, ...] | None

    @property
    def callers(self) -> tuple[tuple[str, str], ...]:
        """(address, user agent), each once, the latest first."""
        return tuple(dict.fromkeys((request.address, request.user_agent) for request in self.requests or ()))


def old_secret(usage: AskedUsage, organisation_id: str, key: KeyView) -> OldSecret | None:
    """None: no grace runs."""
    hint, until = key.previous_hint, key.grace_until
    if hint is None or until is None:
        return None
    wanted = Wanted(secret_hint=hint)
    page = usage.part(lambda asked: asked.activity(organisation_id, key.id, _REQUESTS, wanted))
    requests = None if page is None else tuple(entry.request for entry in page.entries if entry.request)
    return OldSecret(hint=hint, until=until, last_used_at=key.previous_used_at, requests=requests)
