"""Faults of a data folder, and the way on from each, in words for its owner."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.eventsourcing.audit import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`what`: is wrong with which service's database. `how`: what to do about it. `is_of_log`: audits tell it, too."""

    service: str
    what: str
    how: str
    is_of_log: bool = False

    def __str__(self) -> str:
        return f"{self.service}.sqlite: {self.what}. {self.how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`audits`: of the logs, by service; none where a fault keeps them from being read.

    `left_out`: services whose database is of an earlier release, and was not looked into before it is migrated.
    """

    faults: tuple[Fault, ...]
    audits: Mapping[str, Audit] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
