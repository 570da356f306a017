"""Language negotiation by Accept-Language (RFC 9110, section 12.5.4)."""

import re

_PREFERENCE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*", re.ASCII)


def preferred(accept_language: str, spoken: tuple[str, ...]) -> str:
    """The best language of `spoken`, the first if there is no preference. Parts that cannot be parsed are ignored."""
    weights: dict[str, float] = {}
    for part in accept_language.split(","):
        if match := _PREFERENCE.fullmatch(part):
            language, weight = match[1].lower(), float(match[2] or 1)
            weights[language] = max(weight, weights.get(language, 0))
    return max(spoken, key=lambda language: weights.get(language, weights.get("*", 0.0)))
