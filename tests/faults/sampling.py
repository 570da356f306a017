"""A sample of many cases: each takes long. All of them with GRILLO_ALL_CASES=1."""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sampled(cases: Sequence[T], count: int, *telling: T) -> Sequence[T]:
    """The same ones at each run: those that are `telling`, and as many of the others as make up the count."""
    if os.environ.get("GRILLO_ALL_CASES"):
        return cases
    others = [case for case in cases if case not in telling]
    assert len(cases) - len(others) == len(telling) <= count, "each is one of the cases"
    return [*telling, *random.Random(24).sample(others, count - len(telling))]
