"""marshmallow field for a time in a query or body: RFC 3339, as everywhere (shared/values/timestamps.py)."""

from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields

from shared.values.timestamps import from_rfc3339


class Timestamp(fields.AwareDateTime):
    """Loads into aware UTC; marshmallow's own field refuses `t` and `z`, and takes all of ISO 8601."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return from_rfc3339(value)
        except TypeError:
            raise ValidationError("must be a text, such as 2026-11-23T08:17:00Z") from None
        except ValueError as error:
            raise ValidationError(str(error)) from None
