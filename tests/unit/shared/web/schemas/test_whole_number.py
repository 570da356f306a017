"""JSON knows numbers, and no kinds of them: what is whole is taken however it is written, and nothing else."""

from typing import Any

import marshmallow
import pytest
from marshmallow import validate

from shared.web.schemas.whole_number import WholeNumber

FIELD = WholeNumber(validate=validate.Range(max=100))


@pytest.mark.parametrize("given", [60, 60.0])
def test_a_whole_number_is_taken_however_it_is_written(given: float) -> None:
    taken = FIELD.deserialize(given)
    assert (taken, type(taken)) == (60, int)


@pytest.mark.parametrize("given", [60.5, "60", True, float("nan"), float("inf"), 1e300, None, []])
def test_nothing_else_is(given: Any) -> None:
    with pytest.raises(marshmallow.ValidationError):
        FIELD.deserialize(given)
