"""Maps what the stores of rules, channels and deliveries raise to HTTP problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.usage.no_such_item import NoSuchItem
from shared.values.revision import RevisionDiffers
from shared.web.problems.catalogue import Problem
from shared.web.requests.etag import etag


@contextmanager
def as_problems() -> Iterator[None]:
    """Context in which NoSuchItem becomes `not-found`, and RevisionDiffers `precondition-failed` with the ETag."""
    try:
        yield
    except NoSuchItem:
        raise Problem("not-found") from None
    except RevisionDiffers as refusal:
        raise Problem("precondition-failed", headers=etag(refusal.actual)) from None
