"""Doubt about the wall clock: it is compared with the boot clock, and with when it was last written down. Pure.

Within one boot both clocks must agree to an hour since its first reading, over stops of the process, too; so steps of
less add up. In another boot the wall clock may not be before the last reading, nor over an hour after it: a machine
that was off for longer is in doubt, and told so. Doubt ends when the clock is right again, when it is accepted, or
once it has agreed with the boot clock for a day of running. Machines that share a database are boots beside each other.
"""

from dataclasses import dataclass, replace

TOLERANCE_SECONDS = 3600.0
SETTLED_SECONDS = 86_400.0
# Machines that share a database differ by less, and take turns at writing.
BEHIND_SECONDS_MAX = 60.0
# What NTP corrects little by little, at most: in a second of a boot that may go on for years.
SLEW = 5e-4
BOOTS_MAX = 16
# Readings are made each minute: between two that are further apart nothing was running.
_BETWEEN_SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both clocks at one moment: seconds since 1970, and seconds of this boot. `boot`: its id."""

    boot: str
    wall: float
    elapsed: float

    def agrees_with(self, first: "Reading") -> bool:
        """`first`: of the same boot."""
        ran = self.elapsed - first.elapsed
        return abs(self.wall - first.wall - ran) <= TOLERANCE_SECONDS + SLEW * abs(ran)

    def follows(self, last: "Reading") -> bool:
        """`last`: of another boot."""
        return -BEHIND_SECONDS_MAX <= self.wall - last.wall <= TOLERANCE_SECONDS


@dataclass(frozen=True, slots=True)
class Agreement:
    """Readings that agree: the last one, and the first of each boot, the one that was read last at the end."""

    last: Reading
    firsts: tuple[Reading, ...]

    @classmethod
    def begun(cls, reading: Reading) -> "Agreement":
        return cls(reading, (reading,))

    def with_next(self, reading: Reading) -> "Agreement | None":
        """None: it does not agree. Of a boot beyond the last BOOTS_MAX that were read, the first is forgotten."""
        first = next((one for one in self.firsts if one.boot == reading.boot), None)
        if not (reading.follows(self.last) if first is None else reading.agrees_with(first)):
            return None
        others = tuple(one for one in self.firsts if one is not first)
        return Agreement(reading, (*others, first or reading)[-BOOTS_MAX:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is kept between readings. `trusted`: those beyond doubt.

    `doubted`: those in doubt, if the clock is; `ran_seconds`: for how long they have agreed.
    """

    trusted: Agreement
    doubted: Agreement | None = None
    ran_seconds: float = 0.0

    @property
    def is_contradicted(self) -> bool:
        """Whether what is known beyond doubt says that the clock is wrong, or was.

        After a stop of the machine that was long, or is said to be, nothing says so: no clock ran meanwhile.
        """
        if self.doubted is None:
            return False
        last, boots = self.trusted.last, {first.boot for first in self.trusted.firsts}
        return any(one.boot in boots or one.wall < last.wall - BEHIND_SECONDS_MAX for one in self.doubted.firsts)


def watch(before: Watched | None, reading: Reading) -> Watched:
    """What is to be kept after a reading. `before` None: the first ever."""
    if before is None:
        return Watched(trusted=Agreement.begun(reading))
    if trusted := before.trusted.with_next(reading):
        return Watched(trusted=trusted)
    doubted = before.doubted and before.doubted.with_next(reading)
    if before.doubted is None or doubted is None:
        return replace(before, doubted=Agreement.begun(reading), ran_seconds=0.0)
    ran = before.ran_seconds + _running_seconds(before.doubted.last, reading)
    return Watched(trusted=doubted) if ran >= SETTLED_SECONDS else replace(before, doubted=doubted, ran_seconds=ran)


def _running_seconds(earlier: Reading, later: Reading) -> float:
    """Between two boots by the wall, which each agrees with; what a machine is ahead is taken off at the next turn."""
    if earlier.boot == later.boot:
        between, least = later.elapsed - earlier.elapsed, 0.0
    else:
        between, least = later.wall - earlier.wall, -BEHIND_SECONDS_MAX
    return between if least <= between <= _BETWEEN_SECONDS_MAX else 0.0
