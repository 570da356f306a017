"""marshmallow Float that takes JSON's numbers alone, not texts that look like one."""

from typing import Any

from marshmallow import fields


class Number(fields.Float):
    """Refuses numbers in texts, and true, which Python takes for 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, str | bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)
