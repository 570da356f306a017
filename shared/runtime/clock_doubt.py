"""Doubt about the wall clock: it is compared with the boot clock, and with when it was last written down. Pure.

Within one boot both clocks must agree to an hour, over stops of the process, too. In another boot the wall clock may
not be before the last reading, nor over an hour after it: a machine that was off for longer is in doubt, and told so.
Doubt ends when the clock is right again, when it is accepted, or once it has agreed with the boot clock for a day of
running.
"""

from dataclasses import dataclass, replace

TOLERANCE_SECONDS = 3600.0
SETTLED_SECONDS = 86_400.0
# Machines that share a database differ by less, and take turns at writing.
BEHIND_SECONDS_MAX = 60.0
# Readings are made each minute: between two that are further apart nothing was running.
_BETWEEN_SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both clocks at one moment: seconds since 1970, and seconds of this boot. `boot`: its id."""

    boot: str
    wall: float
    elapsed: float

    def agrees_with(self, earlier: "Reading") -> bool:
        passed = self.wall - earlier.wall
        if self.boot == earlier.boot:
            return abs(passed - (self.elapsed - earlier.elapsed)) <= TOLERANCE_SECONDS
        return -BEHIND_SECONDS_MAX <= passed <= TOLERANCE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is kept between readings. `trusted`: the last one beyond doubt.

    `doubted`: the last one in doubt, if the clock is; `ran_seconds`: for how long such readings have agreed.
    """

    trusted: Reading
    doubted: Reading | None = None
    ran_seconds: float = 0.0


def watch(before: Watched | None, reading: Reading) -> Watched:
    """What is to be kept after a reading. `before` None: the first ever."""
    if before is None or reading.agrees_with(before.trusted):
        return Watched(trusted=reading)
    doubted = before.doubted
    if doubted is None or not reading.agrees_with(doubted):
        return replace(before, doubted=reading, ran_seconds=0.0)
    ran = before.ran_seconds + _running_seconds(doubted, reading)
    return Watched(trusted=reading) if ran >= SETTLED_SECONDS else replace(before, doubted=reading, ran_seconds=ran)


def _running_seconds(earlier: Reading, later: Reading) -> float:
    between = later.elapsed - earlier.elapsed if earlier.boot == later.boot else 0.0
    return between if 0.0 <= between <= _BETWEEN_SECONDS_MAX else 0.0
