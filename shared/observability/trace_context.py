"""Trace context (W3C): the trace of its own that a caller says its request belongs to. Taken, logged and handed on.

We add no spans of our own: `traceparent` goes on with a new parent id, so that two of our messages can be told apart.
"""

import re
import secrets
from contextvars import ContextVar

_FORM = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
_LENGTH_MAX = 512
_SAMPLED = 0x01
# Of what is being answered, or done for another service.
current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def taken(given: object) -> str | None:
    """The header in the form of version 00; None: it is none, or not one that means anything."""
    if not isinstance(given, str) or len(given) > _LENGTH_MAX:
        return None
    found = _FORM.match(given)
    if found is None or found["version"] == "ff":
        return None
    # A later version may say more behind a dash; what it says first means the same.
    rest = given[found.end() :]
    if rest and (found["version"] == "00" or not rest.startswith("-")):
        return None
    if not int(found["trace"], 16) or not int(found["parent"], 16):
        return None
    return f"00-{found['trace']}-{found['parent']}-{int(found['flags'], 16) & _SAMPLED:02x}"


def handed_on(traceparent: str) -> str:
    """The same trace for the next, with us as its parent."""
    return f"00-{trace_id(traceparent)}-{secrets.token_hex(8)}-{traceparent[-2:]}"


def trace_id(traceparent: str) -> str:
    return traceparent[3:35]
