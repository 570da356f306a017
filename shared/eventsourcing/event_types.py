"""Registry of event types: the shapes a log may hold, named, versioned, and read at any age by one-step upcasters.

A type's name and version are explicit and never follow from the class's own name, so that renaming code rewrites no
history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

# An event's JSON between two of its versions: the only dict that is used beyond a schema.
Data = dict[str, Any]
Upcaster = Callable[[Data], Data]
T = TypeVar("T")


class UnknownEventType(Exception):
    def __init__(self, type_: str, version: int) -> None:
        self.type, self.version = type_, version
        super().__init__(f"{type_} version {version} is unknown to this version of grillo; is it older than the log?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An event ready to be stored: `data` is its JSON in the newest version of its type."""

    type: str
    schema_version: int
    data: str


class EventTypes:
    """The event types of one log. Encodes to the newest version, decodes from any."""

    def __init__(self) -> None:
        self._by_class: dict[type, tuple[str, int]] = {}
        self._by_type: dict[str, tuple[type, int]] = {}
        self._upcasters: dict[tuple[str, int], Upcaster] = {}
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}

    def register(self, type_: str, *, version: int = 1) -> Callable[[type[T]], type[T]]:
        def add(shape: type[T]) -> type[T]:
            if type_ in self._by_type:
                raise ValueError(f"{type_} is registered twice")
            self._by_class[shape] = (type_, version)
            self._by_type[type_] = (shape, version)
            self._decoders[type_] = msgspec.json.Decoder(shape)
            return shape

        return add

    def names(self) -> tuple[str, ...]:
        """All types, in the order in which they were registered."""
        return tuple(self._by_type)

    def upcaster(self, type_: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
        """Registers the upcaster from `from_version` to the next version: a function from JSON to JSON."""

        def add(step: Upcaster) -> Upcaster:
            self._upcasters[type_, from_version] = step
            return step

        return add

    def encode(self, event: object) -> Encoded:
        type_, version = self._by_class[type(event)]
        return Encoded(type=type_, schema_version=version, data=msgspec.json.encode(event).decode())

    def decode(self, type_: str, schema_version: int, data: str) -> object:
        """Raises UnknownEventType, or msgspec.ValidationError when the data does not fit the shape."""
        if type_ not in self._by_type:
            raise UnknownEventType(type_, schema_version)
        shape, newest = self._by_type[type_]
        if not 0 < schema_version <= newest:
            raise UnknownEventType(type_, schema_version)
        if schema_version == newest:
            return self._decoders[type_].decode(data)
        body = msgspec.json.decode(data, type=Data)
        for version in range(schema_version, newest):
            body = self._upcasters[type_, version](body)
        return msgspec.convert(body, type=shape)

    def shapes(self) -> Mapping[str, tuple[type, int]]:
        """Type name → (class, newest version); what the golden files are checked against."""
        return dict(self._by_type)
