"""Two people's edits of one form put together, field by field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoEdits:
    """`typed`: both together. `changed`: the fields that the other one set. `contested`: those that both did."""

    typed: dict[str, str]
    changed: tuple[str, ...]
    contested: tuple[str, ...]


def two_edits(base: Mapping[str, str], theirs: Mapping[str, str], mine: Mapping[str, str]) -> TwoEdits:
    """`base`: as the form was made. `theirs`: as it was saved since. `mine`: as typed; it stands where both did."""
    changed = tuple(name for name in base if theirs[name] != base[name])
    contested = tuple(name for name in changed if mine[name] not in (base[name], theirs[name]))
    taken = {name: theirs[name] for name in changed if mine[name] == base[name]}
    return TwoEdits(typed={**mine, **taken}, changed=changed, contested=contested)
