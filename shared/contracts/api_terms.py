"""Facts of a public event in the words of the API, as histories and messages to channels tell them."""

from collections.abc import Mapping
from typing import Any

_LIMITS = {"minute": "minute_limit", "day": "day_limit"}


def facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data, with its limits as one member, and without digests, which gates alone need."""
    told = {name: value for name, value in data.items() if not (name.endswith("digest") or name in _LIMITS.values())}
    if any(name in data for name in _LIMITS.values()):
        told["limits"] = {limit: data.get(name) for limit, name in _LIMITS.items()}
    return told
