"""Ranges of bytes as RFC 9110 has them: one is served, and what is not understood is as if it were not there."""

import pytest

from services.sensors.exports.http.byte_range import NotSatisfiable, asked_bytes

TAG = '"abc"'


@pytest.mark.parametrize(
    ("given", "if_range", "expected"),
    [
        (None, None, None),
        ("bytes=0-", None, (0, 100)),
        ("bytes=0-0", None, (0, 1)),
        ("bytes=99-1000", None, (99, 100)),
        ("bytes=-30", None, (70, 100)),
        ("bytes=-1000", None, (0, 100)),
        ("bytes=10-5", None, None),
        ("bytes=0-1,5-6", None, None),
        ("bytes=", None, None),
        ("bytes=-", None, None),
        ("items=0-1", None, None),
        ("bytes=0-9", TAG, (0, 10)),
        ("bytes=0-9", '"old"', None),
        ("bytes=0-9", "Sat, 28 Nov 2026 17:19:56 GMT", None),
    ],
)
def test_a_range_is_the_bytes_it_names(given: str | None, if_range: str | None, expected: object) -> None:
    assert asked_bytes(given, if_range, 100, TAG) == expected


@pytest.mark.parametrize("given", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(given: str) -> None:
    with pytest.raises(NotSatisfiable):
        asked_bytes(given, None, 100, TAG)
