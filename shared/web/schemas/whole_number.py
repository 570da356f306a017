"""marshmallow Integer that takes JSON's whole numbers, however they are written: 60 and 60.0 are the same there."""

from typing import Any

from marshmallow import fields


class WholeNumber(fields.Integer):
    """Refuses fractions, and numbers in texts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._validated(value)
