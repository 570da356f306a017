"""Maps what the stores of rules, channels and deliveries raise to HTTP problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.usage.no_such_item import NoSuchItem
from shared.web.problems.catalogue import Problem


@contextmanager
def as_problems() -> Iterator[None]:
    """Context in which NoSuchItem becomes `not-found`."""
    try:
        yield
    except NoSuchItem:
        raise Problem("not-found") from None
