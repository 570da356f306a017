"""marshmallow fields that the schemas of RPC messages share."""

import re
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.values.timestamps import from_rfc3339, rfc3339

PAGE_MAX = 100


class Moment(fields.Field[datetime]):
    """RFC 3339, UTC, to the microsecond."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return from_rfc3339(value)
        except TypeError:
            raise ValidationError("must be a text, such as 2026-11-23T08:17:00Z") from None
        except ValueError as error:
            raise ValidationError(str(error)) from None


def identifier() -> fields.String:
    """A required id, as `new_id` makes them."""
    return fields.String(required=True, validate=validate.Length(min=1, max=100))


def text_like(form: re.Pattern[str], *, required: bool = True, allow_none: bool = False) -> fields.String:
    """A text of this form, the whole of it."""

    def check(text: str) -> None:
        if not form.fullmatch(text):
            raise ValidationError("is not of the form that it must have")

    return fields.String(required=required, allow_none=allow_none, validate=check)


class NoArguments(Schema):
    pass
