"""Read-only members of a resource in the body of a PATCH, so that an answer can be sent back whole.

A fixed member, which never changes, must be as it is; a moving one, such as the revision, is passed over.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, fields, post_load

from shared.web.problems.catalogue import Problem
from shared.web.requests.call import StrictSchema
from shared.web.requests.texts import plain_text
from shared.web.requests.timestamp import Timestamp

_FIXED = "cannot be changed"


class _Moving(fields.Raw):
    pass


class _FixedText(fields.String):
    pass


class _FixedMoment(Timestamp):
    pass


def fixed(shown: fields.Field[Any]) -> fields.Field[Any]:
    """`shown`: the member in answers."""
    told: dict[str, Any] = {"readOnly": True, "description": "as it is", "refusals": [_FIXED]}
    if isinstance(shown, fields.AwareDateTime):
        return _FixedMoment(metadata=told)
    return _FixedText(validate=plain_text, metadata=told)


def moving() -> fields.Field[Any]:
    return _Moving(allow_none=True, metadata={"readOnly": True, "description": "passed over"})


def read_only(answer: type[Schema], *, are_fixed: Iterable[str], are_moving: Iterable[str]) -> dict[str, Any]:
    """Fields for the body of a PATCH, from the schema of the answer that may be sent back."""
    shown = answer().fields
    return {name: fixed(shown[name]) for name in are_fixed} | {name: moving() for name in are_moving}


def parted(schema: Schema, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a loaded body asks for, and the fixed members that it names."""
    asked, kept = {}, {}
    for name, value in data.items():
        field = schema.fields[name]
        if isinstance(field, _FixedText | _FixedMoment):
            kept[name] = value
        elif not isinstance(field, _Moving):
            asked[name] = value
    return asked, kept


class MergePatchSchema(StrictSchema):
    """Loads into `shape`, which has the fixed members that the body names as `fixed`, and no moving ones."""

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> Any:
        asked, kept = parted(self, data)
        return super()._into_shape(asked | {"fixed": kept})


def check_fixed(named: Mapping[str, Any], present: object) -> None:
    """Checks the fixed members that a body names against the resource. Raises Problem `invalid-body`."""
    errors = {f"/{name}": [_FIXED] for name in named if named[name] != getattr(present, name)}
    if errors:
        raise Problem("invalid-body", members={"errors": errors})
