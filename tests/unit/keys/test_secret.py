"""A new secret is well formed, and shows itself in no repr."""

from services.keys.secret import new_secret
from shared.gate.authentication.credential import (
    digest_of,
    is_well_formed,
)


def test_every_new_secret_is_well_formed_and_its_value_is_in_no_repr() -> None:
    for _ in range(100):
        new = new_secret()
        assert is_well_formed(new.value)
        assert new.digest == digest_of(new.value)
        assert new.hint == f"{new.value[:8]}…{new.value[-4:]}"
        assert new.value not in repr(new)
        assert new.value[8:-4] not in f"{new!s} {new!r} {[new]}"
