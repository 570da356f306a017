"""Codec of miniSEED 2 (SEED manual, chapter 8), by libmseed: records of 4,096 bytes or fewer, times in microseconds.

Integers are Steim2, or plain INT32 where a difference leaves 30 bits; floats stay floats. What is decoded equals what
was encoded, bit by bit.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pymseed import DataEncoding, MiniSEEDError, MS3Record

from services.sensors.store.even_times import time_ns
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Samples

RECORD_BYTES = 4096
SHORTER_BYTES = (2048, 1024, 512, 256)
"""Lengths of records for samples that one time and rate do not hold together for long."""

_HEADER_BYTES = 64  # fixed header and two blockettes, the most that we write; data begin at 64 or 128
_STATION, _LOCATION, _CHANNEL, _NETWORK = slice(8, 13), slice(13, 15), slice(15, 18), slice(18, 20)
_COUNT = slice(30, 32)
_QUALITY_UNKNOWN = 2  # pymseed's number for SEED's D
_ANY_CODES = Codes(network="", station="X", location="", channel="X")
_ANY_SOURCE = "FDSN:XX_X__H_H_Z"  # replaced: a source identifier cannot state every code that a header can
_STEIM2_DIFFERENCE_MAX = 2**29 - 1  # libmseed refuses even -2**29, which 30 bits could hold
_NEAR = 1e-6  # of a rate: a file's short float is no nearer to what was meant
_FLOATS = {"float32": (DataEncoding.FLOAT32, "f"), "float64": (DataEncoding.FLOAT64, "d")}


class RecordDamaged(Exception):
    """Stored bytes that are not what was written. The text says what is wrong with them."""


class RateUnstatable(Exception):
    """A sample rate that no header can state, nor one that is within a millionth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    codes: Codes
    start_ns: int
    rate_hz: float
    count: int
    record_bytes: int


def to_microsecond(at_ns: int) -> int:
    """What a header can state: the nearest whole microsecond, in nanoseconds."""
    return (at_ns + 500) // 1000 * 1000


@functools.lru_cache(1024)
def stated_rate(rate_hz: float) -> float:
    """The rate that a header states when it is given this one: off by less than 0.0002 Hz, mostly far less.

    The rate of all that is stored: programs compare rates exactly before they join what follows each other. Above
    32,767 Hz a header states whole rates alone. Raises RateUnstatable.
    """
    for near in (rate_hz, float(round(rate_hz))):
        if abs(near - rate_hz) > _NEAR * rate_hz:
            continue
        try:
            content, _ = first_record(_ANY_CODES, 0, near, np.zeros(1, np.int32))
        except MiniSEEDError:
            continue
        stated = float(MS3Record.parse(content).samprate)
        # What is stated as a float may be near a fraction, which a header would state instead.
        return stated if stated == near else stated_rate(stated)
    raise RateUnstatable(f"no miniSEED header states a rate of {rate_hz} Hz")


def is_statable(rate_hz: float) -> bool:
    try:
        stated_rate(rate_hz)
    except RateUnstatable:
        return False
    return True


def first_record(
    codes: Codes, start_ns: int, rate_hz: float, samples: Samples, record_bytes: int = RECORD_BYTES
) -> tuple[bytes, int]:
    """One record with as many samples from the first on as it holds, and how many that are."""
    samples_max = (record_bytes - 64) // 4 * 7  # Steim2 puts seven into a word at most
    encoding, kind, samples = _encoding(samples[:samples_max], (record_bytes - 128) // 4)
    template = MS3Record(reclen=record_bytes, encoding=encoding)
    template.sourceid = _ANY_SOURCE
    template.formatversion, template.pubversion = 2, _QUALITY_UNKNOWN
    template.starttime, template.samprate = to_microsecond(start_ns), rate_hz
    record = bytearray(next(iter(template.generate(np.ascontiguousarray(samples), kind))))
    for field, code in (
        (_STATION, codes.station),
        (_LOCATION, codes.location),
        (_CHANNEL, codes.channel),
        (_NETWORK, codes.network),
    ):
        record[field] = code.encode("ascii").ljust(field.stop - field.start)
    return bytes(record), int.from_bytes(record[_COUNT], "big")


def encode(codes: Codes, start_ns: int, rate_hz: float, samples: Samples) -> Iterator[bytes]:
    """Records of evenly spaced samples, each with its own start."""
    first = 0
    while first < samples.size:
        record, count = first_record(codes, time_ns(start_ns, rate_hz, first), rate_hz, samples[first:])
        yield record
        first += count


def decode(records: bytes) -> Samples:
    """The samples of one or more records of one type, as one vector. Raises RecordDamaged."""
    try:
        first = MS3Record.parse(records, unpack_data=True)
        if int(first.reclen) == len(records):
            return np.array(first.np_datasamples)
        parts = [np.array(one.np_datasamples) for one in MS3Record.from_buffer(records, unpack_data=True)]
    except MiniSEEDError as error:
        raise RecordDamaged(str(error)) from error
    return np.concatenate(parts)


def headers(records: bytes) -> Iterator[Header]:
    """What each record states of itself. Raises RecordDamaged."""
    place = 0
    try:
        for one in MS3Record.from_buffer(records):
            yield Header(
                codes=_codes(records[place : place + _HEADER_BYTES]),
                start_ns=int(one.starttime),
                rate_hz=float(one.samprate),
                count=int(one.samplecnt),
                record_bytes=int(one.reclen),
            )
            place += int(one.reclen)
    except MiniSEEDError as error:
        raise RecordDamaged(str(error)) from error


def _codes(header: bytes) -> Codes:
    network, station, location, channel = (
        header[field].decode("ascii", "replace").strip() for field in (_NETWORK, _STATION, _LOCATION, _CHANNEL)
    )
    try:
        return Codes(network=network, station=station, location=location, channel=channel)
    except ValueError:
        raise RecordDamaged("its codes are no SEED codes") from None


def _encoding(samples: Samples, plain_samples: int) -> tuple[DataEncoding, str, Samples]:
    """How to write the first samples, and those that may be written so. `plain_samples`: that fit uncompressed."""
    if samples.dtype != np.int32:
        return *_FLOATS[samples.dtype.name], samples
    if int(samples.max()) - int(samples.min()) <= _STEIM2_DIFFERENCE_MAX:
        return DataEncoding.STEIM2, "i", samples
    too_large = np.flatnonzero(np.abs(np.diff(samples.astype(np.int64))) > _STEIM2_DIFFERENCE_MAX)
    if too_large.size == 0:
        return DataEncoding.STEIM2, "i", samples
    if too_large[0] < plain_samples:
        return DataEncoding.INT32, "i", samples[:plain_samples]
    return DataEncoding.STEIM2, "i", samples[: too_large[0] + 1]
