"""The channel that a caller asks for, and which of a sensor's own codes it names. Pure.

Programs written for one model of sensor ask for HNZ; another model's vertical is BNZ, EHZ or BHZ. So a code that a
sensor does not have names its channels of the same instrument and orientation, whatever their band; if there are none,
those of the same orientation. Answers always say the channel's own code.
"""

from collections.abc import Collection

# Horizontals of no known azimuth stand in the places of north and east (SEED manual, appendix A).
_INSTEAD = {"N": "1", "E": "2", "1": "N", "2": "E"}


def codes_named(asked: str, known: Collection[str]) -> frozenset[str]:
    """`known`: the sensor's codes. The one that is asked for is always among those named: it may have been one once."""
    if asked in known:
        return frozenset((asked,))
    instrument, orientation = asked[1], asked[2]
    for orientations in ((orientation,), tuple(filter(None, (_INSTEAD.get(orientation),)))):
        of_orientation = [code for code in known if code[2:] in orientations]
        alike = [code for code in of_orientation if code[1] == instrument] or of_orientation
        if alike:
            return frozenset((asked, *alike))
    return frozenset((asked,))


def named_by(asked: str | None, known: Collection[str]) -> frozenset[str] | None:
    """None, which is all of them, where none is asked for."""
    return None if asked is None else codes_named(asked, known)
