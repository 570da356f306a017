"""Decoding of public events: from an envelope's data to the shape that its type names."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from shared.contracts.envelope import CloudEvent

Shape = TypeVar("Shape")


class UnknownEvent(Exception):
    """A newer release wrote it, and it may take power away: what it is about must not be trusted until it is known."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"{type_} is not a type this code knows")


def decode(event: CloudEvent, shapes: Mapping[str, type[Shape]]) -> Shape | None:
    """None for a type the reader does not know or a row without public data: ignored, which is an outcome.

    Raises msgspec.ValidationError when the data does not fit the shape.
    """
    shape = shapes.get(event.type)
    if shape is None or event.data is None:
        return None
    return msgspec.convert(event.data, type=shape)


def decode_all(event: CloudEvent, shapes: Mapping[str, type[Shape]]) -> Shape | None:
    """As `decode`, for a reader who must miss nothing that takes power away. Raises UnknownEvent, too."""
    if event.type not in shapes and event.data is not None and not event.ignorable:
        raise UnknownEvent(event.type)
    return decode(event, shapes)
