"""An hour's records are small where samples are even, and no larger than they must be where spacing changes."""

from itertools import accumulate

import numpy as np

from services.sensors.store.even_times import HOUR_NS, NS
from services.sensors.store.miniseed.codec import RECORD_BYTES, decode
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Piece, by_time
from services.sensors.store.sealing.hour_file import HourFile, hour_file

CODES = Codes(network="XX", station="000", location="", channel="BNZ")
START_NS = 490_000 * HOUR_NS
RATE_HZ = 30.3125


def pieces(spacings_ms: list[int]) -> list[Piece]:
    """Records of 32 samples, one after the other at these spacings."""
    noise = np.random.default_rng(4).normal(0, 40, (len(spacings_ms), 32)).round().astype(np.int32)
    starts = accumulate(spacings_ms[:-1], initial=0)
    return [by_time("x", START_NS + start * NS // 1000, RATE_HZ, row) for start, row in zip(starts, noise, strict=True)]


def samples_of(made: HourFile) -> tuple[list[int], list[int]]:
    """Times and values, by the table of records."""
    times: list[int] = []
    values: list[int] = []
    for record in made.spans[0].records:
        first = int(record["place"]) * made.record_bytes
        found = decode(made.content[first : first + made.record_bytes])
        values += found.tolist()
        times += [int(record["start_ns"]) + round(index * NS / RATE_HZ) for index in range(found.size)]
    return times, values


def test_a_device_whose_spacing_changes_every_few_seconds_is_sealed_in_shorter_records() -> None:
    """As device 000 of 2018: seven records of 1.065 s and five of 1.041 s in turn."""
    offered = pieces(([1065] * 7 + [1041] * 5) * 24)
    made = hour_file(CODES, offered)
    assert made.record_bytes < RECORD_BYTES
    assert len(made.content) < 6 * 32 * len(offered)
    times, values = samples_of(made)
    assert values == [value for piece in offered for value in piece.samples.tolist()]
    truth = [piece.time_ns(index) for piece in offered for index in range(32)]
    assert max(abs(at - true) for at, true in zip(times, truth, strict=True)) <= NS / RATE_HZ / 2


def test_even_samples_and_few_of_them_are_in_records_of_the_usual_length() -> None:
    even = [1055, 1056] * 500
    assert hour_file(CODES, pieces(even)).record_bytes == RECORD_BYTES
    assert hour_file(CODES, pieces(even[:5])).record_bytes == RECORD_BYTES


def test_floats_and_integers_beyond_steim_come_back_from_shorter_records_too() -> None:
    uneven = pieces([1065, 900] * 60)
    for kind, scale in ((np.int32, 40_000_000), (np.float64, 1)):
        of_kind = [by_time("x", one.start_ns, RATE_HZ, (one.samples * scale).astype(kind)) for one in uneven]
        made = hour_file(CODES, of_kind)
        assert made.record_bytes < RECORD_BYTES
        assert samples_of(made)[1] == [value for piece in of_kind for value in piece.samples.tolist()]
