"""marshmallow fields for a time in a query or body: RFC 3339, as everywhere (shared/values/timestamps.py), and beside
it the shorter forms in which the product's pages write times of data.
"""

import re
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields

from shared.values.timestamps import from_rfc3339

DATA_TIME_FORMS = "RFC 3339; without an offset it is UTC, and a date is its midnight"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WITHOUT_OFFSET = re.compile(rf"{_DATE.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?", re.ASCII)


class Timestamp(fields.AwareDateTime):
    """Loads into aware UTC; marshmallow's own field refuses `t` and `z`, and takes all of ISO 8601."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return from_rfc3339(value)
        except TypeError:
            raise ValidationError("must be a text, such as 2026-11-23T08:17:00Z") from None
        except ValueError as error:
            raise ValidationError(str(error)) from None


class DataTime(Timestamp):
    """Loads RFC 3339, and ISO 8601's shorter forms: a time without an offset is UTC, a date is its midnight."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if isinstance(value, str):
            if _DATE.fullmatch(value):
                value = f"{value}T00:00:00Z"
            elif _WITHOUT_OFFSET.fullmatch(value):
                value = f"{value}Z"
        return super()._deserialize(value, attr, data, **kwargs)
