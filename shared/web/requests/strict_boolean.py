"""marshmallow Boolean that takes JSON's true and false only."""

from typing import Any

from marshmallow import fields


class StrictBoolean(fields.Boolean):
    """Refuses all but booleans; marshmallow's own field takes 1 as true, because 1 == True."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
