"""What is made for each request, the same in Python and compiled."""

from importlib import import_module

import msgspec
import pytest

from tests.compiled import COMPILED

STRUCTS = [
    struct
    for name in COMPILED
    for struct in vars(import_module(name)).values()
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct.__module__ == name
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_values_stay_as_they_are_made_and_are_no_work_for_the_collector(struct: type[msgspec.Struct]) -> None:
    """mypyc drops what a class statement asks of msgspec, without a word."""
    assert struct.__struct_config__.frozen
    assert not struct.__struct_config__.gc


def test_the_modules_that_are_compiled_have_such_values() -> None:
    assert {"Presented", "Credential", "NoCredential", "Verdict", "Spent", "_CompactGrant", "Found"} == {
        each.__name__ for each in STRUCTS
    }
