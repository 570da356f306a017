"""Account of samples: offered = new + repeated + differing + rejected, exactly, on all axes together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Samples that were offered again with other values, in a row: the first values are kept.

    True times of the first and the last, and the least and greatest value of both. `source`: who offered the others.
    """

    axis: str
    start_ns: int
    end_ns: int
    samples: int
    kept: tuple[float, float]
    offered: tuple[float, float]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Numbers of samples. `reasons`: how many samples were rejected for which reason."""

    new: int = 0
    repeated: int = 0
    differing: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    @property
    def offered(self) -> int:
        return self.new + self.repeated + self.differing + self.rejected

    def __add__(self, other: "Account") -> "Account":
        return Account(
            new=self.new + other.new,
            repeated=self.repeated + other.repeated,
            differing=self.differing + other.differing,
            reasons=Counter(self.reasons) + Counter(other.reasons) if self.reasons or other.reasons else {},
        )


def rejected(samples: int, reason: str) -> Account:
    return Account(reasons={reason: samples} if samples else {})
