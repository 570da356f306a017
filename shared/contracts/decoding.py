"""From an envelope's data to the public shape its type names."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from shared.contracts.envelope import CloudEvent

Shape = TypeVar("Shape")


def decode(event: CloudEvent, shapes: Mapping[str, type[Shape]]) -> Shape | None:
    """None for a type the reader does not know or a row without public data: ignored, which is an outcome.

    Raises msgspec.ValidationError when the data does not fit the shape.
    """
    shape = shapes.get(event.type)
    if shape is None or event.data is None:
        return None
    return msgspec.convert(event.data, type=shape)
