"""Who set a setting of a key last, and when: read from its history. Pure."""

from collections.abc import Iterable

from services.keys.views.history import HistoryEntry

_WORDS, _STATUS = "words", "status"
_OF = {
    "KeyDescribed": (_WORDS,),
    "KeyPermissionsChanged": ("permissions",),
    "KeyRotated": ("secret",),
    **dict.fromkeys(("KeySuspended", "KeyResumed", "KeyExpired", "KeyRevoked"), (_STATUS,)),
}
# Facts that each event about access tells whole, also those that stay.
_ACCESS = ("expires_at", "allow_query", "allowed_addresses", "limits", "networks")


def last_changes(history: Iterable[HistoryEntry]) -> dict[str, HistoryEntry]:
    """Setting → what set it last, of those that were set after the creation. `history`: oldest first.

    `words` are name, description and labels, which no event tells apart. Of a history that does not begin with the
    creation the first change of access tells nothing: what was before is not known.
    """
    found: dict[str, HistoryEntry] = {}
    known: dict[str, object] | None = None
    for entry in history:
        access = {name: entry.facts[name] for name in _ACCESS if name in entry.facts}
        if entry.type == "KeyCreated":
            known = access
        elif entry.type == "KeyAccessChanged":
            before = access if known is None else known
            found |= {name: entry for name, value in access.items() if before.get(name) != value}
            known = access
        else:
            found |= dict.fromkeys(_OF.get(entry.type, ()), entry)
    return found
