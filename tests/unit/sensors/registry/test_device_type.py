"""Device types: found however they are spelt, and never guessed."""

import pytest

from services.sensors.registry.device_type import DEVICE_TYPES, device_type


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("grillo-one",), "grillo-one"),
        (("Grillo Pulse v2, MEMS",), "grillo-pulse"),
        ((None, "", "GRILLO_ONE"), "grillo-one"),
        (("GrilloPulse",), "grillo-pulse"),
        (("grillo-one", "Grillo One"), "grillo-one"),
        (("grillo-one beside a grillo-pulse",), None),
        (("Guralp CMG-3T", "grillo", "grillo-oneself", "agrillo one"), None),
        ((), None),
    ],
)
def test_a_type_is_what_the_texts_name_if_it_is_one(texts: tuple[str | None, ...], expected: str | None) -> None:
    assert device_type(*texts) == expected
    assert expected is None or expected in DEVICE_TYPES
