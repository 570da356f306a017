"""A permission may be written as the product's public pages do; it is loaded as it is answered."""

import marshmallow
import pytest

from shared.values.permissions import PERMISSIONS
from shared.web.requests.permission_field import PermissionField


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        *((name, name) for name in PERMISSIONS),
        *((spelled, "sensors:read") for spelled in ("read:sensors", "read:networks")),
        ("read:events", "events:read"),
        *((spelled, "config:write") for spelled in ("write:sensors", "write:networks")),
    ],
)
def test_every_spelling_loads_as_the_one_that_is_answered(given: str, loaded: str) -> None:
    assert PermissionField().deserialize(given) == loaded


@pytest.mark.parametrize("given", ["", "Read:sensors", "write:events", "admin ", "read", None, ["admin"]])
def test_what_is_no_permission_is_refused_with_those_that_are(given: object) -> None:
    with pytest.raises(marshmallow.ValidationError) as refused:
        PermissionField(required=True).deserialize(given)
    assert given is None or isinstance(given, list) or PERMISSIONS[0] in str(refused.value)
