"""marshmallow Integer that takes JSON's whole numbers written without a decimal point, and says so in the document."""

from typing import Any

from marshmallow import fields


class WholeNumber(fields.Integer):
    """Refuses fractions, 60.0 (which JSON Schema takes for an integer), and numbers in texts."""

    refusals = ("a number with a decimal point, also 60.0, is refused: Not a valid integer.",)

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)
