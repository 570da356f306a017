"""Key forms: how API keys look that another system made and that an operator lets in (FOREIGN_KEY_FORMS).

A prefix that says whose they are, then the secret. This process has them from its start on: the gate takes such keys,
and redaction cuts them out of every text.
"""

import re
from collections.abc import Sequence
from typing import Final

FORMS_MAX: Final = 10
MUST_BE: Final = (
    "prefixes of 4 to 20 letters and digits that end in _ or -, ten at most, separated by commas; none may begin like a"
    " word or an identifier of ours, be the end of one, be a part of a UUID, or begin like another of them"
)
_PREFIX: Final = re.compile(r"[0-9A-Za-z]{3,19}[_-]", re.ASCII)
_OF_UUID: Final = re.compile(r"[0-9A-Fa-f]{3,12}-", re.ASCII)  # it would cut them, and request ids often are ones
_BODY: Final = "[0-9A-Za-z_-]"
# What of ours begins so must stay readable: secrets, identifiers, names of metrics and headers, types of problems.
_IDENTIFIERS: Final = [
    "alr",
    "chn",
    "dlv",
    "evt",
    "exp",
    "gate",
    "key",
    "msg",
    "net",
    "org",
    "req",
    "rul",
    "sen",
    "ses",
    "usr",
]
# First words of log lines that are long enough to be cut.
_LOG_WORDS: Final = ("channel_", "earlier_", "last_", "log_", "quota_", "slots_")
_NAMES: Final = ("grl_", "grc_", "whsec_", "grillo_", "grillo-", "http")
_OURS: Final = (*_NAMES, *_LOG_WORDS, *(f"{name}_" for name in _IDENTIFIERS))


class KeyFormWrong(ValueError):
    """A prefix is none, or could be mistaken for another."""


class _Forms:
    """`whole`: of a whole key. `piece`: of so much of one that it must not be read anywhere; its group: the prefix."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        named = "|".join(map(re.escape, prefixes))
        self.prefixes = tuple(prefixes)
        self.whole = re.compile(f"(?:{named}){_BODY}{{22,180}}", re.ASCII)
        self.piece = re.compile(f"({named}){_BODY}{{16,}}", re.ASCII)


_forms: _Forms | None = None


def checked(prefixes: Sequence[str]) -> tuple[str, ...]:
    """Raises KeyFormWrong."""
    if len(prefixes) > FORMS_MAX or not all(map(_PREFIX.fullmatch, prefixes)):
        raise KeyFormWrong(MUST_BE)
    others = list(_OURS)
    for prefix in prefixes:
        if any(prefix in word or prefix.startswith(word) for word in others) or _OF_UUID.fullmatch(prefix):
            raise KeyFormWrong(MUST_BE)
        others.append(prefix)
    return tuple(prefixes)


def let_in(prefixes: Sequence[str]) -> None:
    """For the whole process, once, at its start. `prefixes`: checked."""
    global _forms
    _forms = _Forms(prefixes) if prefixes else None


def lets_any_in() -> bool:
    return _forms is not None


def is_foreign(secret: str) -> bool:
    """Whether it could be a key that another system made."""
    return _forms is not None and _forms.whole.fullmatch(secret) is not None


def without_foreign(text: str, replacement: str) -> str:
    """`replacement`: with `\\1` for the prefix."""
    return text if _forms is None else _forms.piece.sub(replacement, text)
