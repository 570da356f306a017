"""Attempts: the token of one form, by which what it asks for is done once, with the time when the form was made.

What an attempt did is known for a day (shared/web/conditions/idempotency.py), and a browser may show a form again much
later: one that is older than that is asked anew, never executed. The time is plain, for it protects its sender alone.
"""

import re
import secrets
from datetime import datetime, timedelta

from services.keys.revocation.session_fence import AHEAD_MAX
from shared.web.conditions.idempotency import KEPT

LIFE = KEPT - timedelta(hours=1)
_ATTEMPT = re.compile(r"([0-9]{1,11})\.[\w-]{22}", re.ASCII)


def new_attempt(now: datetime) -> str:
    return f"{int(now.timestamp())}.{secrets.token_urlsafe(16)}"


def is_current(attempt: str, now: datetime) -> bool:
    """Whether the attempt is one of ours, and what it did would still be known."""
    found = _ATTEMPT.fullmatch(attempt)
    return found is not None and -AHEAD_MAX <= timedelta(seconds=now.timestamp() - int(found[1])) < LIFE
