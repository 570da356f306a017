"""Decoding of public events: from an envelope's data to the shape that its type names."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from shared.contracts.envelope import CloudEvent

Shape = TypeVar("Shape")


class UnknownEvent(Exception):
    """An event type of a newer release. It may take permissions away, so its stream must not be trusted."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"{type_} is an event type that this version of grillo does not know")


def decode(event: CloudEvent, shapes: Mapping[str, type[Shape]]) -> Shape | None:
    """The event's shape; None for a type that the reader does not know, and for a row without public data.

    Raises msgspec.ValidationError when the data does not fit the shape.
    """
    shape = shapes.get(event.type)
    if shape is None or event.data is None:
        return None
    return msgspec.convert(event.data, type=shape)


def decode_all(event: CloudEvent, shapes: Mapping[str, type[Shape]]) -> Shape | None:
    """As `decode`, for a reader that must not miss a loss of permissions. Raises UnknownEvent, too."""
    if event.type not in shapes and event.data is not None and not event.ignorable:
        raise UnknownEvent(event.type)
    return decode(event, shapes)
