"""marshmallow field for a permission in a request: takes the product's other spellings, and loads the answered one."""

from typing import Any

from marshmallow import fields, validate

from shared.values.permissions import ALIASES, PERMISSIONS

SPELLINGS = (*PERMISSIONS, *ALIASES)


class PermissionField(fields.String):
    def __init__(self, **kwargs: Any) -> None:
        spelled = ", ".join(f"`{alias}` for `{name}`" for alias, name in ALIASES.items())
        metadata = {"description": f"also spelled {spelled}"} | kwargs.pop("metadata", {})
        choices = validate.OneOf(SPELLINGS, error=f"must be one of {', '.join(PERMISSIONS)}")
        super().__init__(validate=choices, metadata=metadata, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        given = super().deserialize(value, attr, data, **kwargs)
        return ALIASES.get(given, given)
